"""What is said to a person who made a mistake, by the room that says it.

Values come in the order of the English sentence, or are numbered. Those that are messages of the
package themselves are translated, too.
"""

from __future__ import annotations

COMMAND = {
    "Give --data, or --results together with --references.": (
        "请给出 --data，或者同时给出 --results 和 --references。"
    ),
    "--{} does not go with {}.": "--{} 不能和 {} 一起用。",
}

IMAGES = {
    "{} is not a photo in any known format.": "{} 不是照片，或者格式无法识别。",
    "{} is not a photo: a path, bytes or array was expected, not {}.": (
        "{} 不是照片：应该是路径、字节或数组，而不是 {}。"
    ),
    "{} is an array of {} with shape {}; a photo is uint8 [H, W], [H, W, 3] or [H, W, 4].": (
        "{0} 是形状为 {2} 的 {1} 数组；照片应该是 uint8 [H, W]、[H, W, 3] 或 [H, W, 4]。"
    ),
    "{} is too large for this computer's memory.": "{} 太大，这台电脑的内存放不下。",
    "{} needs too much memory to open: {} MB, and the limit is {} MB.": (
        "打开 {} 需要太多内存：{} MB，而上限是 {} MB。"
    ),
    "{} is too large for an icon: the limit is {} × {} pixels.": (
        "作为图标，{} 太大：上限是 {} × {} 像素。"
    ),
    "{} is cut short or damaged.": "{} 不完整或已损坏。",
    "{} is empty.": "{} 是空文件。",
    "{} has no pixels.": "{} 没有任何像素。",
    "{} is a directory, not a photo.": "{} 是文件夹，不是照片。",
    "{} is not an ordinary file.": "{} 不是普通文件。",
    "{} is not a possible file name.": "{} 不能用作文件名。",
    "{} does not exist.": "{} 不存在。",
    "{} cannot be read: permission denied.": "{} 无法读取：没有权限。",
    "{} cannot be read: {}.": "{} 无法读取（{}）。",
    "{} takes too long to open: the limit is {:g} seconds.": "打开 {} 太慢：上限是 {:g} 秒。",
    "{} is too large to open safely: the limit is {} million pixels.": (
        "{} 太大，打开它不安全：最多 {} 百万像素。"
    ),
    "at_least must be 1 or more, not {}.": "at_least 必须至少为 1，不能是 {}。",
}

FILES = {
    "{}: {}": "{}：{}",
    "{}[{}]": "{}[{}]",
    "{} cannot be read ({}).": "{} 无法读取（{}）。",
    "{} is too large: the limit is {} MB.": "{} 太大：最多 {} MB。",
    "{} cannot be read as UTF-8 text ({}).": "{} 不是 UTF-8 文本，无法读取（{}）。",
    "{}, line {}: not valid JSON ({}).": "{} 第 {} 行：不是有效的 JSON（{}）。",
    "{}: JSON nested too deeply.": "{}：JSON 嵌套太深。",
    "{}: a number in JSON has too many digits.": "{}：JSON 里有一个数的位数太多。",
    "{} cannot be written ({}).": "{} 无法写入（{}）。",
    "{} is missing.": "缺少 {}。",
    "{} is read or written already: name another file.": (
        "{} 已经用作输入或输出，请换一个文件名。"
    ),
}

DECODING = {
    "{} must be a whole number from {} to {}, not {}.": (
        "{} 必须是 {} 到 {} 之间的整数，不能是 {}。"
    ),
    "{} must be a number from {} to {}, not {}.": "{} 必须是 {} 到 {} 之间的数，不能是 {}。",
    "{} must be a list of words, not {}.": "{} 必须是词语的列表，不能是 {}。",
    "{} may hold {} words or phrases of {} characters.": (
        "{} 最多可有 {} 个词语或短语，每个不超过 {} 个字符。"
    ),
    "{} must not hold an empty phrase.": "{} 里不能有空的短语。",
    "{} goes with beam search, {} with sampling: leave one of them out.": (
        "{} 用于束搜索，{} 用于随机抽取：请去掉其中一个。"
    ),
    "The options must be CaptionOptions, not {}.": "选项必须是 CaptionOptions，不能是 {}。",
    "There is no option '{}'; there is: {}.": "没有名为“{}”的选项；可选：{}。",
    "{} must be 1 or more, not {}.": "{} 必须至少为 1，不能是 {}。",
    "beam must be 1 or more, not {}.": "束宽（beam）必须至少为 1，不能是 {}。",
    "top must be 1 or more, not {}.": "top 必须至少为 1，不能是 {}。",
    "max_length must be 1 or more, not {}.": "max_length 必须至少为 1，不能是 {}。",
    "min_length must be from 0 to max_length ({}), not {}.": (
        "min_length 必须在 0 到 max_length（{}）之间，不能是 {}。"
    ),
    "length_penalty must be from -5 to 5, not {}.": (
        "length_penalty 必须在 -5 到 5 之间，不能是 {}。"
    ),
    "no_repeat_ngram must be 0 (off) or more, not {}.": (
        "no_repeat_ngram 必须是 0（关闭）或更大，不能是 {}。"
    ),
    "The model gives no next word a probability: its weights are damaged, or unfit for this "
    "photo.": "模型给不出下一个词的概率：它的权重已损坏，或者不适合这张照片。",
    "no_repeat_within must be 0 (off) or more, not {}.": (
        "no_repeat_within 必须是 0（关闭）或更大，不能是 {}。"
    ),
    "avoid must hold token ids of 0 or more.": "avoid 里的词编号不能小于 0。",
    "avoid_phrases must not hold an empty phrase.": "avoid_phrases 里不能有空的短语。",
    "require must not hold an empty phrase.": "require 里不能有空的短语。",
    "require must not hold what avoid holds as well.": "同一个词不能既必须出现又不要出现。",
    "require asks for {} tokens, but max_length is {}.": (
        "必须出现的词共有 {} 个，可是每句最多 {} 个词。"
    ),
    "temperature must be greater than 0, not {}.": "温度（temperature）必须大于 0，不能是 {}。",
    "top_k must be 1 or more, not {}.": "top_k 必须至少为 1，不能是 {}。",
    "top_p must be greater than 0 and at most 1, not {}.": (
        "top_p 必须大于 0 且不超过 1，不能是 {}。"
    ),
    "The model does not know the word '{}'.": "模型不认识“{}”这个词。",
}

TEXT = {
    "There is no tokenizer for language '{}'; there is: {}.": "没有语言“{}”的分词器；可选：{}。",
    "There is no unit '{}' for language '{}'; there is: {}.": (
        "语言“{1}”没有名为“{0}”的单位；可选：{2}。"
    ),
    'Chinese words need jieba; install it with: pip install "captioner[zh]".': (
        '切分中文词语需要 jieba，请安装：pip install "captioner[zh]"。'
    ),
    "A vocabulary starts with {} and repeats no word.": "词表必须以 {} 开头，且不能有重复的词。",
    "{} is not a list of words.": "{} 不是词的列表。",
    "A vocabulary holds no half characters, which no file can hold either.": (
        "词表里不能有半个字符（单独的代理项），文件也存不下它。"
    ),
}

MODEL = {
    "There is no model named '{}'; installed: {}.": "没有名为“{}”的模型；已安装：{}。",
    "No installed model writes {}; installed: {}.": "已安装的模型都不会写{}；已安装：{}。",
    "The model '{}' writes {}, not {}.": "模型“{}”写的是{}，不是{}。",
    "{} and {} write the same language, '{}'.": "{} 和 {} 写的是同一种语言：“{}”。",
    "{} is for the language '{}', not '{}'.": "{} 写的语言是“{}”，不是“{}”。",
    "{} has another encoder than {}: train it on that one, with `weights = "
    '"model:NAME"` under [encoder] and the encoder frozen in all phases.': (
        "{} 的编码器和 {} 的不同：请用后者的编码器来训练，在 [encoder] 下写 `weights = "
        '"model:NAME"`，并在所有阶段冻结编码器。'
    ),
    "{} holds a decoder without an encoder: give the model folder that it lies in, "
    "and its language.": "{} 里只有解码器，没有编码器：请给出它所在的模型文件夹，并指定语言。",
    "There is no model folder {}.": "没有模型文件夹 {}。",
    "{} is missing, so {} is not a model folder.": "缺少 {}，所以 {} 不是模型文件夹。",
    "{} has {} words, and the model was made for {}.": "{} 有 {} 个词，而模型需要 {} 个。",
    "{} is not a complete model configuration ({}).": "{} 不是完整的模型配置（{}）。",
    "{} is not the configuration of a captioner model.": "{} 不是 captioner 模型的配置。",
    "{} has format {}, and this version of captioner reads formats up to {}: "
    "please update captioner.": (
        "{} 的格式版本是 {}，而这个版本的 captioner 最高只能读取 {}：请更新 captioner。"
    ),
    "{} does not match its configuration: {} is missing, unknown or of another size.": (
        "{} 和配置不符：{} 缺失、未知或大小不对。"
    ),
    "{} is damaged or not a safetensors file ({}).": (
        "{} 已损坏，或者不是 safetensors 文件（{}）。"
    ),
    "{} is damaged or not a safetensors file (its header is too long).": (
        "{} 已损坏，或者不是 safetensors 文件（文件头太长）。"
    ),
    "{} is of no use: {} is of type {}, not of a float type.": (
        "{} 不能用：{} 是 {} 类型，不是浮点类型。"
    ),
    "{} is of no use: {} holds a value that is no finite number.": (
        "{} 不能用：{} 里有非有限的数值（NaN 或无穷大）。"
    ),
    "The decoder of {} has other parts or sizes than the recipe's.": (
        "{} 的解码器与配方里的不同（部件或大小不一样）。"
    ),
    "The encoder of {} is {} with stages {}, not {} with stages {}.": (
        "{} 的编码器是 {}（stages 为 {}），不是 {}（stages 为 {}）。"
    ),
    "{} cannot take photos of {} pixels with stages {} and without the blocks {}.": (
        "{} 无法处理 {} 像素的照片（stages 为 {}，略去的模块为 {}）。"
    ),
    "{} does not fit {}: it has no such weights for {} and {} others.": (
        "{} 和 {} 不匹配：缺少 {} 等权重（此外还缺 {} 项）。"
    ),
    "There is no CNN named '{}' in torchvision; some that there are: resnet50, "
    "resnext50_32x4d, mobilenet_v2, mobilenet_v3_large, efficientnet_b4, convnext_tiny, "
    "regnet_y_1_6gf, densenet121.": (
        "torchvision 里没有名为“{}”的 CNN；可以用的有：resnet50、resnext50_32x4d、"
        "mobilenet_v2、mobilenet_v3_large、efficientnet_b4、convnext_tiny、"
        "regnet_y_1_6gf、densenet121 等。"
    ),
    "{} has no block named '{}'.": "{} 没有名为“{}”的模块。",
    "{} has stages 0 to {}, and {} was asked for.": "{} 的 stage 从 0 到 {}，没有 {}。",
    "An encoder needs at least one stage.": "编码器至少需要一个 stage。",
    "There is no attention named '{}'; there is: {}.": "没有名为“{}”的注意力；可选：{}。",
    "Multi-head attention needs 1 head or more, not {}.": "多头注意力至少需要 1 个头，不能是 {}。",
    "{} heads do not divide a hidden size of {}.": "隐藏状态的大小 {1} 不能被 {0} 个头整除。",
    "There is no kind of decoder named '{}'; there is: {}.": "没有名为“{}”的解码器；可选：{}。",
    "There is no cell named '{}'; there is: {}.": "没有名为“{}”的循环单元；可选：{}。",
    "A cell's {} must be 1 or more, not {}.": "循环单元的{}必须至少为 1，不能是 {}。",
    "{}'s {} must be of type {}, not {}.": "{}的 {} 必须是 {} 类型，不能是 {}。",
    "A decoder's {} must be {} or less, not {}.": "解码器的 {} 最多为 {}，不能是 {}。",
    "forget_bias must be from -100 to 100, not {}.": (
        "forget_bias 必须在 -100 到 100 之间，不能是 {}。"
    ),
    "A model's certainty must be from 0 to 1, not {}.": (
        "模型的 certainty 必须在 0 到 1 之间，不能是 {}。"
    ),
    "The preprocessing's size must be from 1 to {} pixels, not {}.": (
        "预处理的 size 必须在 1 到 {} 像素之间，不能是 {}。"
    ),
    "The preprocessing's mean must be from 0 to 1, not {}.": (
        "预处理的 mean 必须在 0 到 1 之间，不能是 {}。"
    ),
    "The preprocessing's std must be from 0.001 to 1000, not {}.": (
        "预处理的 std 必须在 0.001 到 1000 之间，不能是 {}。"
    ),
    "A decoder's hidden_size must be 1 or more, not {}.": (
        "解码器隐藏状态的大小（hidden_size）必须至少为 1，不能是 {}。"
    ),
    "layers must be 1 or more, not {}.": "层数（layers）必须至少为 1，不能是 {}。",
    "residual needs 2 layers or more: residual connections go from layer to layer.": (
        "残差连接（residual）至少需要 2 层，因为它连接的是相邻的层。"
    ),
    "dropout must be from 0 to less than 1, not {}: it is the share of units that is dropped.": (
        "dropout 必须大于等于 0 且小于 1，不能是 {}：它是被丢弃的神经元所占的比例。"
    ),
    "recurrent_dropout must be from 0 to less than 1, not {}: "
    "it is the share of units that is dropped.": (
        "recurrent_dropout 必须大于等于 0 且小于 1，不能是 {}：它是被丢弃的神经元所占的比例。"
    ),
}

METRICS = {
    "There is no candidate to score.": "没有可以评分的描述。",
    "BLEU needs at least one candidate, and there is none.": (
        "BLEU 至少需要一条描述，现在一条也没有。"
    ),
    "METEOR needs at least one candidate, and there is none.": (
        "METEOR 至少需要一条描述，现在一条也没有。"
    ),
    "No reference holds a word.": "所有参考描述里都没有词。",
    "The references at index {} are one text, not a list of texts.": (
        "第 {} 组参考描述（从 0 数起）是一段文字，而不是文字的列表。"
    ),
    "The candidate at index {} is a text, not a list of tokens.": (
        "第 {} 条描述（从 0 数起）是一段文字，而不是词的列表。"
    ),
    "The candidate at index {} has no reference.": "第 {} 条描述（从 0 数起）没有参考描述。",
    "A reference of the candidate at index {} is a text, not a list of tokens.": (
        "第 {} 条描述（从 0 数起）的一条参考描述是一段文字，而不是词的列表。"
    ),
    "There are {} candidates but {} lists of references: the one at index {} has no partner.": (
        "描述有 {} 条，参考描述却有 {} 组：第 {} 个（从 0 数起）没有对应的另一方。"
    ),
    "There are {} candidates but {} indices of images.": "描述有 {} 条，图像编号却有 {} 个。",
    "There is no image {} among {} prepared.": "准备好的 {1} 张图像里没有第 {0} 张（从 0 数起）。",
    "pycocoevalcap's tokenizer cannot run ({}).": "pycocoevalcap 的分词器无法运行（{}）。",
    "pycocoevalcap's tokenizer gave no result.": "pycocoevalcap 的分词器没有给出结果。",
    "METEOR's Java program failed.": "METEOR 的 Java 程序运行失败。",
    "The official scorer tokenises English only.": "官方评分程序只能给英文分词。",
    "The web page of a report needs jinja2: pip install 'captioner[report]'.": (
        "生成报告网页需要 jinja2，请安装：pip install 'captioner[report]'。"
    ),
    "{} is not a report that 'captioner evaluate' saved.": (
        "{} 不是“captioner evaluate”保存的报告。"
    ),
    "{} has {} captions for {}.": "{0} 里，{2} 有 {1} 条描述。",
    "{} cannot be compared: its language is '{}', not '{}'.": (
        "{} 无法比较：它的语言是“{}”，不是“{}”。"
    ),
    "{} cannot be compared: it has none of these photos.": "{} 无法比较：里面没有这些照片。",
}

DATASETS = {
    "{} holds no captions.": "{} 里没有描述。",
    "{} holds no captions in a known format: {}.": "{} 里没有已知格式的描述；已知的格式有：{}。",
    "{} holds several caption files: name one of {}.": "{} 里有几个描述文件，请指定其中一个：{}。",
    "{} is in no known format; there is: {}.": "{} 不是已知的格式；可选：{}。",
    "Format '{}' is unknown; there is: {}.": "没有格式“{}”；可选：{}。",
    "{} says each photo's split itself: leave `split` out.": (
        "{} 已经写明每张照片属于哪个集，请不要再给 `split`。"
    ),
    "{}, line {}: not a valid table ({}); is a quotation mark left open?": (
        "{} 第 {} 行：不是有效的表格（{}）；是不是有引号没有闭合？"
    ),
    "{}, line 1: expected the columns `image` and `caption`.": (
        "{} 第 1 行：应该有 `image` 和 `caption` 两列。"
    ),
    "{}, line {}: expected name.jpg{}0<TAB or space>caption.": (
        "{} 第 {} 行：应该是“name.jpg{}0<制表符或空格>描述”的形式。"
    ),
    "{}: expected a JSON object with `image` and `caption`.": (
        "{}：应该是带有 `image` 和 `caption` 的 JSON 对象。"
    ),
    "{}: expected a photo's name as `image`, and a `caption`.": (
        "{}：应该有照片的文件名 `image` 和一条 `caption`。"
    ),
    "{}: expected {} fields, found {}; a caption that holds the delimiter needs quotation marks.": (
        "{}：应该有 {} 个字段，实际有 {} 个；含有分隔符的描述要加引号。"
    ),
    "{}: a caption must be text.": "{}：描述必须是文字。",
    "{}: {} is no split; there is: train, val, test.": (
        "{}：没有 {} 这个集；可选：train、val、test。"
    ),
    "{}: {} is in two splits.": "{}：{} 同时属于两个集。",
    "{}, images[{}]: {} is in two splits.": "{}，images[{}]：{} 同时属于两个集。",
    "{}, images[{}]: expected id and file_name.": "{}，images[{}]：应该有 id 和 file_name。",
    "{}, images[{}]: the id {} or the name {} belongs to another image already.": (
        "{}，images[{}]：id {} 或文件名 {} 已经属于另一张图像。"
    ),
    "{}, images[{}]: expected filename, split (train, restval, val or test) and sentences "
    "with raw text or tokens.": (
        "{}，images[{}]：应该有 filename、split（train、restval、val 或 test），"
        "以及带有 raw 或 tokens 的 sentences。"
    ),
    "{}, annotations[{}]: expected the image_id of a listed image and a caption.": (
        "{}，annotations[{}]：应该有一张已列出图像的 image_id 和一条 caption。"
    ),
    "{} is not a COCO captions file: it has no list '{}'.": (
        "{} 不是 COCO 描述文件：里面没有列表“{}”。"
    ),
    "{} is not one of Karpathy's files: it has no list 'images'.": (
        "{} 不是 Karpathy 的文件：里面没有列表“images”。"
    ),
    "{} is not in COCO results format: a list of captions.": (
        "{} 不是 COCO 结果格式：应该是描述的列表。"
    ),
    "{} has no caption for {} photos of {}, as {}.": (
        "{0} 缺少 {2} 里 {1} 张照片的描述，例如 {3}。"
    ),
    "{}, entry {}: a second caption for {}.": "{} 第 {} 项：{} 已经有一条描述。",
    "{}: expected an image_id and a caption.": "{}：应该有 image_id 和 caption。",
    "{}: {} has no reference caption in {}.": "{0}：{1} 在 {2} 里没有参考描述。",
    "{}: no image of {} has the id {}.": "{}：{} 里没有 id 为 {} 的图像。",
    "{}: the image_id {} looks like the id {} of {}, but one is {}, the other {}.": (
        "{0}：image_id {1} 看起来像 {3} 里的 id {2}，但前者是{4}，后者是{5}。"
    ),
    "{}: the image_id {} looks like the id {} of {}, but they are written differently.": (
        "{0}：image_id {1} 看起来像 {3} 里的 id {2}，但两者写法不同。"
    ),
    "'{}' could be {} or {}: give its path.": "“{}”可能是 {} 或 {}，请给出路径。",
    "'{}' could be {} or {}: give its path, or name the folders with the right photos "
    "in `images`.": "“{}”可能是 {} 或 {}，请给出路径，或者在 `images` 里写明照片所在的文件夹。",
    "{} could be '{}' or '{}': file names that come twice are told apart by their folders.": (
        "{} 可能是“{}”或“{}”：重名的文件要靠文件夹来区分。"
    ),
    "There is no photo folder or archive {}.": "没有照片文件夹或压缩包 {}。",
    "{} is compressed and cannot be read in place; unpack it and name the folder.": (
        "{} 是压缩过的，不能直接读取；请先解压，再给出文件夹。"
    ),
    "{} has no .txt file beside a photo.": "{} 里的照片旁边都没有 .txt 文件。",
    "{}.txt lies beside two photos: {}, {}.": "{}.txt 对应着两张照片：{}，{}。",
    "{} and {} have the same name; name the folder above both instead.": (
        "{} 和 {} 同名；请改为给出它们共同的上级文件夹。"
    ),
    "{} has no metadata.jsonl or metadata.csv.": "{} 里没有 metadata.jsonl 或 metadata.csv。",
    "{} has no split list such as {}.": "{} 里没有划分列表，例如 {}。",
    "Flickr8k has no captions in language '{}'; it has: {}.": (
        "Flickr8k 没有语言“{}”的描述；可选：{}。"
    ),
    "None of the {} photos can be read: {}": "{} 张照片都无法读取：{}",
}

EVALUATION = {
    "None of the {} photos of {} can be read.": "{1} 的 {0} 张照片都无法读取。",
    "{} has no photo in its {} split.": "{} 的{}里没有照片。",
    "{} has no photo that {} names in its {} split.": "{0} 的{2}里没有 {1} 列出的照片。",
    "{} has no captions in its train split.": "{} 的训练集里没有描述。",
}

FOLDER = {
    "{} holds one caption of a photo: give one language.": (
        "{} 里每张照片只能有一条描述：请只给一种语言。"
    ),
    "A shard is written as 3/16, from 1/16 to 16/16, not '{}'.": (
        "分片要写成 3/16 的形式，从 1/16 到 16/16，不能是“{}”。"
    ),
    "{} is one photo: `captioner caption` is for that.": (
        "{} 是一张照片，请用 `captioner caption`。"
    ),
    "Nothing can be written beside the photos inside {}.": "无法在 {} 里的照片旁边写入文件。",
    "{} is compressed as a whole: unpack it, or make it a zip archive.": (
        "{} 是整体压缩的：请先解压，或者改成 zip 压缩包。"
    ),
    "{} is cut short or damaged: files may be missing after its first {}.": (
        "{} 不完整或已损坏：前 {} 个文件之后可能有缺失。"
    ),
    "{} is a damaged archive ({}).": "{} 是损坏的压缩包（{}）。",
    "{} is too large to unpack safely: the limit is 1 GiB.": (
        "{} 太大，解压它不安全：最多 1 GiB。"
    ),
    "{} is encrypted.": "{} 已加密。",
    "{} is cut short or damaged in its archive.": "{} 在压缩包里不完整或已损坏。",
    "The output must be called .jsonl, .csv or .json (COCO results), not '{}'.": (
        "输出文件的扩展名必须是 .jsonl、.csv 或 .json（COCO 结果），不能是“{}”。"
    ),
    "{} is there already and was not begun by this command: delete it, or name another file.": (
        "{} 已经存在，而且不是这条命令开始写的：请删除它，或者换一个文件名。"
    ),
    "{} was changed since this command wrote it: move it away, or name another file.": (
        "{} 在这条命令写入之后被改动过：请把它移走，或者换一个文件名。"
    ),
    "{} was begun with {} {}, not {}: delete it to begin anew, or name another.": (
        "{} 开始时的 {} 与现在不同（原来：{}，现在：{}）：请删除它重新开始，或者换一个文件名。"
    ),
    "Another run is writing the same captions: it holds {}.": (
        "另一个任务正在写同样的描述：它占用着 {}。"
    ),
    "{} is damaged: delete it together with the captions to begin anew.": (
        "{} 已损坏：请把它和描述一起删除，重新开始。"
    ),
    "engine must be one of {}, not '{}'.": "engine 必须是其中之一：{}，不能是“{}”。",
    "existing must be one of {}, not '{}'.": "existing 必须是其中之一：{}，不能是“{}”。",
    "A list on standard input cannot be watched.": "--watch 不能用于标准输入里的列表。",
    "A Ray cluster cannot watch: it captions what there is.": (
        "--watch 不能用于 Ray 集群：它只处理已有的照片。"
    ),
    "There is no folder {} for {}.": "没有可以放 {1} 的文件夹 {0}。",
    "Text files beside the photos cannot go to standard output.": (
        "照片旁边的文本文件不能写到标准输出。"
    ),
    "Captioning on a Ray cluster needs Ray Data: pip install 'captioner[ray]'.": (
        "在 Ray 集群上运行需要 Ray Data，请安装：pip install 'captioner[ray]'。"
    ),
    "The Ray cluster could not go on ({}).": "Ray 集群无法继续运行（{}）。",
    "A process that captions was ended from outside.": "一个写描述的进程被外部终止了。",
    "'{}' is no device such as cpu or cuda:0.": "“{}”不是设备，设备的写法如 cpu 或 cuda:0。",
    "There is no device '{}': this machine has {} GPUs.": "没有设备“{}”：这台机器有 {} 块 GPU。",
    "{} has too little memory for one photo.": "{} 的内存太小，连一张照片也放不下。",
    "Captions cannot be written into photos inside {}.": "无法把描述写进 {} 里的照片。",
    "{} is write-protected: its caption is not written into it.": (
        "{} 是只读的，所以没有把描述写进去。"
    ),
    "Captions can be written into JPEG and PNG files only, not {}.": (
        "描述只能写进 JPEG 和 PNG 文件，不能写进 {}。"
    ),
    "{} is not a JPEG file that can be added to.": "{} 不是可以写入描述的 JPEG 文件。",
    "{} is not a PNG file that can be added to.": "{} 不是可以写入描述的 PNG 文件。",
    "{} has no room for a caption beside its other metadata.": (
        "{} 的其他元数据太多，放不下描述。"
    ),
    "{} has damaged XMP metadata.": "{} 的 XMP 元数据已损坏。",
    "A web page of the captions needs jinja2: pip install 'captioner[report]'.": (
        "生成描述网页需要 jinja2，请安装：pip install 'captioner[report]'。"
    ),
}

TRAINING = {
    "There is no recipe {}.": "没有配方 {}。",
    "There is no recipe {}, the base of {}.": "没有配方 {}，而它是 {} 的 base。",
    "{} is its own base.": "{} 的 base 是它自己。",
    "{}: base must be the name of a recipe file beside it: {}.": (
        "{}：base 必须是同一文件夹里一个配方的文件名，不能是 {}。"
    ),
    "{} is not a readable TOML file ({}).": "{} 不是可读的 TOML 文件（{}）。",
    "'{}' is not of the form key=value.": "“{}”不是 key=value 的形式。",
    "The recipe has no key '{}'.": "配方里没有键“{}”。",
    "{}: expected {}, found {}.": "{}：应该是 {} 类型，实际是 {}。",
    "{}: expected a table, found {}.": "{}：应该是表（table），实际是 {}。",
    "{}: unknown key '{}'; there is: {}.": "{}：没有键“{}”；可选：{}。",
    "{}: '{}' is missing.": "{}：缺少“{}”。",
    "{}: '{}' is called '{}' now.": "{}：“{}”现在叫“{}”。",
    "there is no [[phases]] to train.": "没有可以训练的 [[phases]]。",
    "{} of phase '{}' must be at least 1.": "阶段“{1}”的 {0} 必须至少为 1。",
    "{} of phase '{}' must be 0 or more.": "阶段“{1}”的 {0} 不能小于 0。",
    "{} of phase '{}' must be from 0 to 1.": "阶段“{1}”的 {0} 必须在 0 到 1 之间。",
    "{} of phase '{}' is for the objective cross_entropy only.": (
        "阶段“{1}”的 {0} 只能用于目标 cross_entropy。"
    ),
    "{} '{}' of phase '{}' is unknown; there is: {}.": (
        "阶段“{2}”的 {0} 没有“{1}”这一种；可选：{3}。"
    ),
    "captions_per_photo of phase '{}' must be at least 2, since the baseline of each sample is "
    "the mean of the others.": (
        "阶段“{}”的 captions_per_photo 必须至少为 2，因为每个样本的基线是其他样本的平均。"
    ),
    "views of phase '{}' are for a frozen encoder; one that trains sees new versions of each "
    "photo anyway.": (
        "阶段“{}”的 views 只用于冻结的编码器；参与训练的编码器每次看到的照片本来就不同。"
    ),
    "sentences of phase '{}' have no photos: they go with the objective cross_entropy and a "
    "frozen encoder only.": (
        "阶段“{}”的 sentences 没有照片：它们只能用于目标 cross_entropy 和冻结的编码器。"
    ),
    "doubly_stochastic needs an attention other than 'none'.": (
        "doubly_stochastic 需要“none”以外的注意力。"
    ),
    "weights of the decoder must be 'random' or 'model:NAME', not '{}'.": (
        "解码器的 weights 必须是“random”或“model:名称”，不能是“{}”。"
    ),
    "average_best must be at least 1.": "average_best 必须至少为 1。",
    "checkpoint_minutes must be 0 or more.": "checkpoint_minutes 不能小于 0。",
    "format '{}' is unknown; there is: {}.": "没有格式“{}”；可选：{}。",
    "split '{}' is unknown; there is: train, val, test.": (
        "没有“{}”这个集；可选：train、val、test。"
    ),
    "val_share of {} must be at least 0 and below 1.": (
        "{} 的 val_share 必须大于等于 0 且小于 1。"
    ),
    "weight of {} must be above 0.": "{} 的 weight 必须大于 0。",
    "The recipe's data has no photo in the {} split; `split` or `val_share` of a source "
    "can give it some.": (
        "配方的数据里，{}没有照片；可以用数据源的 `split` 或 `val_share` 分给它一些。"
    ),
    "The files of sentences hold no sentence.": "句子文件里没有句子。",
    "No photo to train on has {} captions.": "训练用的照片都不到 {} 句描述。",
    "The recipe leaves an epoch no photo whose captions have words.": (
        "按这份配方，一轮里没有一张照片的描述含有词。"
    ),
    "{} holds a run of another recipe; choose another folder with --out, or delete it.": (
        "{} 里是另一份配方的训练；请用 --out 换一个文件夹，或者删除它。"
    ),
    "{} is not a readable checkpoint ({}).": "{} 不是可读的检查点（{}）。",
    "{} is not a readable checkpoint: {}": "{} 不是可读的检查点：{}",
    "{}, line {}: not a row that a training wrote; delete the file to go on without the rows of "
    "earlier epochs.": (
        "{} 第 {} 行：不是训练写下的内容；删除这个文件就能继续，但会失去以前各轮的记录。"
    ),
    "{} is not what a training wrote; delete it to go on with the captions as they are.": (
        "{} 不是训练写下的内容；删除它就能用现在的描述继续。"
    ),
    "{} was begun with other captions of {} ({} photos differ): restore them, choose another "
    "folder with --out, or delete {} to go on with these.": (
        "{} 开始时 {} 的描述与现在不同（共有 {} 张照片不同）：请恢复原来的描述，"
        "用 --out 换一个文件夹，或者删除 {} 以便用现在的描述继续。"
    ),
    "The memory is too small for phase '{}'; the last checkpoint is intact. Try a smaller "
    "batch_size than {}, or more gradient_accumulation_steps.": (
        "内存不够训练阶段“{}”；最后的检查点完好。请把 batch_size 调到 {} 以下，"
        "或者调大 gradient_accumulation_steps。"
    ),
    "The loss is no longer a number in phase '{}'; the last checkpoint is intact. "
    "Try a lower learning_rate.": (
        "阶段“{}”的损失不再是有效的数；最后的检查点完好。请试试更低的 learning_rate。"
    ),
    "A batch of {} photos, as in phase '{}', is too small for {} processes.": (
        "阶段“{1}”每批只有 {0} 张照片，不够 {2} 个进程分。"
    ),
    "This machine has {} GPUs, too few for {} processes.": (
        "这台机器有 {} 块 GPU，不够 {} 个进程用。"
    ),
    "Another process of this training has stopped; its own message says why.": (
        "这次训练的另一个进程已停止，原因见它自己的消息。"
    ),
}

PAGE = {
    "No photo arrived; please give it again.": "没有收到照片，请再给一次。",
    "No photos arrived; please give them again, as a list.": (
        "没有收到照片；请以列表的形式再给一次。"
    ),
    "This page fetches nothing; send the photo itself.": "本页面不会下载文件；请发送照片本身。",
    "Too many uploads are waiting here at the moment; please try again later.": (
        "这里等待处理的上传文件太多，请稍后再试。"
    ),
    "There is no room left on this computer's disk for uploads.": (
        "这台电脑的磁盘已没有空间存放上传的文件。"
    ),
    "This page does not go by the name '{}'; --allowed-host adds a name.": (
        "本页面不使用“{}”这个名称；可用 --allowed-host 添加名称。"
    ),
    "This page takes no requests from other web pages.": "本页面不接受来自其他网页的请求。",
    "There is nothing at this address.": "这个地址下没有内容。",
    "This page takes requests in JSON only.": "本页面只接受 JSON 格式的请求。",
    "This page does not understand the request.": "本页面无法理解这个请求。",
    "The request was broken off.": "请求中途断开了。",
    "The request is too large: it may have {} MB.": "请求太大：最多 {} MB。",
    "Too many attempts to log in; please wait a minute.": "登录尝试次数太多，请等一分钟再试。",
    "The page is being closed.": "网页正在关闭。",
    "sampling must be true or false, not {}.": (
        "随机抽取（sampling）必须是 true 或 false，不能是 {}。"
    ),
    "{} must be a text, not {}.": "{} 必须是文字，不能是 {}。",
    "{} may have {} characters.": "{} 不能超过 {} 个字符。",
    "A list of words must be a text, not {}.": "词语列表必须是文字，不能是 {}。",
    "A list of words is too long.": "词语列表太长。",
    "The page does not speak {}.": "本页面没有 {} 这种语言。",
    "{} words that must appear are too many for a beam of {}: at most {} are searched for here.": (
        "束宽为 {1} 时，必须出现的词最多 {2} 个，{0} 个太多了。"
    ),
    "{} holds too many files.": "{} 里的文件太多。",
    "--auth does not go with --auth-file.": "--auth 不能和 --auth-file 一起用。",
    "The first line of {} must be user:password.": "{} 的第一行必须是“用户名:密码”的形式。",
    "--allowed-host must be a name such as photos.example.org, not '{}'.": (
        "--allowed-host 必须是 photos.example.org 这样的名称，不能是“{}”。"
    ),
    "{} is a zip file inside a zip file, which is not opened.": (
        "{} 是压缩包里的压缩包，不会打开。"
    ),
    "{} unpacks to more than {} MB.": "{} 解压后超过 {} MB。",
    "{} is a damaged zip file.": "{} 是损坏的 zip 文件。",
    "{} holds no photos.": "{} 里没有照片。",
    "Only the first {} photos are taken; the command `captioner folder` takes any number.": (
        "这里一次最多 {} 张照片；命令 `captioner folder` 没有数量限制。"
    ),
    "--auth must be user:password, with a colon between them.": (
        "--auth 必须是“用户名:密码”的形式，中间用半角冒号隔开。"
    ),
    "{} must be a size such as 20MB, not '{}'.": "{} 必须是 20MB 这样的大小，不能是“{}”。",
    "--mcp does not go with --auth: MCP clients cannot log in.": (
        "--mcp 不能和 --auth 一起用：MCP 客户端无法登录。"
    ),
    '--mcp needs more software: pip install "captioner[mcp]"': (
        '--mcp 还需要别的软件，请安装：pip install "captioner[mcp]"'
    ),
    'The web page needs gradio; install it with: pip install "captioner[ui]"': (
        '网页需要 gradio，请安装：pip install "captioner[ui]"'
    ),
    "Cannot listen at {}, port {} ({}); give another --port.": (
        "无法监听 {} 的端口 {}（{}）；请用 --port 换一个端口。"
    ),
}

ERRORS = {
    **COMMAND,
    **IMAGES,
    **FILES,
    **DECODING,
    **TEXT,
    **MODEL,
    **METRICS,
    **DATASETS,
    **EVALUATION,
    **FOLDER,
    **TRAINING,
    **PAGE,
}
