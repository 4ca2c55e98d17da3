"""What is said while the command works and when it is done; see `errors` for the placeholders."""

from __future__ import annotations

FOLDER = {
    "stopped.": "已停止。",
    "Standard output cannot be written ({}).": "无法写入标准输出（{}）。",
    "{:,} photos, {:.1f} a second": "{:,} 张照片，每秒 {:.1f} 张",
    "{:,} of {:,} photos, {:.1f} a second, about {} left": (
        "{:,} / {:,} 张照片，每秒 {:.1f} 张，大约还要 {}"
    ),
    "Further photos that fail are counted only.": "此后失败的照片只计数，不再逐张说明。",
    "{:,} captioned, {:,} skipped, {:,} failed.": "已描述 {:,} 张，跳过 {:,} 张，失败 {:,} 张。",
    "{:,} captioned, {:,} skipped, {:,} failed; {}, {:.1f} photos a second.": (
        "已描述 {:,} 张，跳过 {:,} 张，失败 {:,} 张；用时 {}，每秒 {:.1f} 张。"
    ),
    "The captions are in {}.": "描述在 {} 里。",
    "The failures are listed in {}.": "失败的照片列在 {} 里。",
    "Other problems, told above: {}.": "另有 {} 个问题，见上文。",
    "{} makes the image decoder crash, or needs too much memory.": (
        "{} 会使图像解码程序崩溃，或者需要太多内存。"
    ),
}

PAGE = {
    "The page is at {} (Ctrl+C ends it).": "网页地址是 {}（按 Ctrl+C 结束）。",
    "Something went wrong inside the program; the window in which it was started says what.": (
        "程序内部出了问题，详情请看启动程序的窗口。"
    ),
    "captioning failed": "写描述时出错",
    "A request was not understood ({}).": "有一个请求无法理解（{}）。",
    "The model's thread goes on after a mistake.": "模型的线程出错后继续运行。",
}

TRAINING = {
    "Decoding photos": "解码照片",
    "Encoding photos": "编码照片",
    "Opening photos": "打开照片",
    "Reading captions": "读取描述",
    "Evaluating": "评估",
    "photo": "张",
    "caption": "条",
    "loss": "损失",
    "reward": "奖励",
    "{} captioned photos of {} are missing and left out: {}": (
        "{1} 里有 {0} 张带描述的照片缺失，已略去：{2}"
    ),
    "{} photos cannot be read and are left out: {}": "{} 张照片无法读取，已略去：{}",
    "{} photos with {} captions to train, {} photos with {} captions to evaluate; "
    "vocabulary of {} words.": (
        "训练用 {} 张照片、{} 条描述，评估用 {} 张照片、{} 条描述；词表有 {} 个词。"
    ),
    "{} photos with {} captions to train, {} photos with {} captions to evaluate and {} photos "
    "with {} captions held out; vocabulary of {} words.": (
        "训练用 {} 张照片、{} 条描述，评估用 {} 张照片、{} 条描述，"
        "留出 {} 张照片、{} 条描述；词表有 {} 个词。"
    ),
    "Going on after {} epochs and {} steps of phase {}.": (
        "从第 {2} 阶段的第 {0} 轮、第 {1} 步之后继续。"
    ),
    "{}: {} of training left, evaluation apart.": "{}：训练还要 {}，不含评估。",
    "{}: {}.": "{}：{}。",
    "Training will be slower: torch.compile does not work here ({}).": (
        "训练会慢一些：torch.compile 在这里无法使用（{}）。"
    ),
    "TensorBoard gets nothing more ({}).": "不再写入 TensorBoard（{}）。",
    "No {}, since matplotlib is not installed.": "没有画 {}，因为没有安装 matplotlib。",
    "WARNING: {} photos train and are evaluated on as well, so scores will be too good.": (
        "警告：{} 张照片既用于训练又用于评估，分数会偏高。"
    ),
}

CHECK = {
    "{} ({})": "{} ({})",
    "{} ({}, weight {:g})": "{} ({}, 权重 {:g})",
    "{}: {:,} photos with {:,} captions": "{}：{:,} 张照片，{:,} 条描述",
    "missing photos: {:,}": "缺失的照片：{:,}",
    "unreadable photos: {:,}": "无法读取的照片：{:,}",
    "held-out names without a photo: {:,}": "没有对应照片的留出文件名：{:,}",
    "empty captions: {:,}": "空的描述：{:,}",
    "captions longer than {} words, which are cut: {:,}": "超过 {} 个词、会被截断的描述：{:,}",
    "captions without a letter: {:,}": "没有文字的描述：{:,}",
    "... and {:,} more": "……还有 {:,} 个",
    "all sources together": "全部数据源合计",
    "NO PHOTO in the {} split": "{}里没有照片！",
    "duplicate photos: {:,}": "重复的照片：{:,}",
    "photos that train and are evaluated on: {:,}": "既用于训练又用于评估的照片：{:,}",
    "LEAK, photos that train and are evaluated on: {:,}": (
        "数据泄漏！既用于训练又用于评估的照片：{:,}"
    ),
    "vocabulary: {:,} words seen {} times or more": "词表：{:,} 个词，每个至少出现 {} 次",
    "of the words in {} captions it holds {:.2%}": "它涵盖了{}描述中 {:.2%} 的词",
}

SCORES = {
    "photos": "照片",
    "a person": "人",
    "a person, by word": "人，按词",
    "a person, by character": "人，按字",
    "{}, by word": "{}，按词",
    "{}, by character": "{}，按字",
    "{}, by pycocoevalcap": "{}，用 pycocoevalcap",
    "rare subjects": "少见的内容",
    "medium subjects": "一般的内容",
    "common subjects": "常见的内容",
    "difference": "差值",
    "95 % interval from": "95% 区间，从",
    "to": "到",
    "different captions": "不同的描述",
    "never seen in training, %": "训练中没有出现过，%",
    "distinct-1, %": "distinct-1（词），%",
    "distinct-2, %": "distinct-2（词对），%",
    "different words": "不同的词",
    "of the model's vocabulary, %": "占模型词表，%",
    "words per caption": "每条描述的词数",
    "stutters, %": "词语重复，%",
    "wrong, %": "没有人说过，%",
    "told, %": "说到，%",
    "Captioned photos of {} that are missing: {}, as {}.": (
        "{} 里带描述却缺失的照片有 {} 张，例如 {}。"
    ),
    "Photos of {} with an empty caption, which is left out: {}, as {}.": (
        "{} 里有 {} 条空的描述，已略去，例如 {}。"
    ),
    "Names in {} without a photo in the {} split of {}: {}, as {}.": (
        "{0} 里有 {3} 个文件名在 {2} 的{1}里没有照片，例如 {4}。"
    ),
    "Photos that cannot be read, left out: {}, as {}.": "无法读取、已略去的照片有 {} 张，例如 {}。",
    "Photos that are not in {}, shown without a picture: {}, as {}.": (
        "不在 {} 里、因而没有图片的照片有 {} 张，例如 {}。"
    ),
    "Photos with an empty reference, which is left out: {}, as {}.": (
        "空的参考描述有 {} 条，已略去，例如 {}。"
    ),
    "Photos without a reference, left out: {}, as {}.": (
        "没有参考描述、已略去的照片有 {} 张，例如 {}。"
    ),
    "Photos that only {} has, left out of the comparison: {}, as {}.": (
        "只有 {} 才有、不参加比较的照片有 {} 张，例如 {}。"
    ),
    "Photos with other references in {}, compared by those of {}: {}, as {}.": (
        "有 {2} 张照片在 {0} 里的参考描述不同，比较时用的是 {1} 的，例如 {3}。"
    ),
    "A person is each reference scored against the photo's others, one reference fewer than "
    "the captions have.": (
        "“人”是把每条参考描述与同一张照片的其余参考描述相比得到的分数，"
        "用到的参考描述比模型的少一条。"
    ),
    "Photos with one reference, left out of a person's scores: {}.": (
        "只有一条参考描述、不计入“人”的照片：{} 张。"
    ),
    "No training captions are known: what compares with them is left out.": (
        "没有训练用的描述，需要与之比较的数值已略去。"
    ),
    "Too few photos have a word that two references share to group them by it.": (
        "两条参考描述有共同词的照片太少，无法据此分组。"
    ),
    "Photos whose references share no word, left out of the groups: {}.": (
        "参考描述没有共同词、不参加分组的照片：{} 张。"
    ),
    "Empty captions, which all metrics score as zero: {}.": (
        "空的描述（所有指标都计零分）：{} 条。"
    ),
    "Stutters, wrong and told words are left out: no photo has five references.": (
        "没有一张照片有五条参考描述，词语重复、没有人说过和说到的词都已略去。"
    ),
    "In the table of stutters a person is each photo's fifth reference; words are wrong or told by "
    "its first four.": (
        "在词语重复的表里，“人”是每张照片的第五条参考描述；没有人说过和说到的词以前四条为准。"
    ),
    "Chinese words are compared as they stand, without stems as in English.": (
        "中文的词原样比较，不像英文那样先取词干。"
    ),
    "Wrong and told words are left out: {}": "已略去没有人说过和说到的词：{}",
    "Photos without five references or without a caption, left out of the table of stutters: {}.": (
        "没有五条参考描述或没有描述、不计入词语重复的表的照片：{} 张。"
    ),
    "The official scores are left out: {}": "已略去官方评分：{}",
    "nltk's METEOR is left out: {}": "已略去 nltk 的 METEOR：{}",
    "nltk is not installed; it comes with pip install 'captioner[metrics]'.": (
        "没有安装 nltk，请安装：pip install 'captioner[metrics]'。"
    ),
    "nltk has no WordNet data; python -m nltk.downloader wordnet gets them where the "
    "network allows.": (
        "nltk 没有 WordNet 数据；能联网时可运行 python -m nltk.downloader wordnet 来下载。"
    ),
    "nltk cannot read its WordNet data ({}: {}).": "nltk 无法读取 WordNet 数据（{}：{}）。",
    "pycocoevalcap is not installed; it comes with pip install pycocoevalcap.": (
        "没有安装 pycocoevalcap，请安装：pip install pycocoevalcap。"
    ),
    "pycocoevalcap's tokenizer and METEOR run on Java, and there is no command java.": (
        "pycocoevalcap 的分词器和 METEOR 需要 Java，但没有 java 命令。"
    ),
    "pycocoevalcap's tokenizer and METEOR run on Java, and the command java does not run.": (
        "pycocoevalcap 的分词器和 METEOR 需要 Java，但 java 命令无法运行。"
    ),
    "SPICE is left out: its Java program failed ({}).": (
        "已略去 SPICE：它的 Java 程序运行失败（{}）。"
    ),
    "SPICE is left out: pycocoevalcap has no {} in spice/lib.": (
        "已略去 SPICE：pycocoevalcap 的 spice/lib 里没有 {}。"
    ),
    "SPICE is left out: pycocoevalcap has no {} and no {} in spice/lib.": (
        "已略去 SPICE：pycocoevalcap 的 spice/lib 里没有 {} 和 {}。"
    ),
}

NOTES = {**FOLDER, **PAGE, **TRAINING, **CHECK, **SCORES}

# What stands within a sentence.
PHRASES = {
    "none": "无",
    "English (en)": "英文（en）",
    "Chinese (zh)": "中文（zh）",
    "English (en), Chinese (zh)": "英文（en）和中文（zh）",
    "Chinese (zh), English (en)": "中文（zh）和英文（en）",
    "'{}'": "“{}”",
    "a text": "文字",
    "a number": "数",
    "a list": "列表",
    "an object": "对象",
    "nothing": "空值",
    "so large a number": "这么大的数",
    "A decoder": "解码器",
    "An encoder": "编码器",
    "A model": "模型",
    "A run's progress": "训练进度",
    "The preprocessing": "预处理",
    "train": "训练集",
    "val": "开发集",
    "test": "测试集",
    "held out": "留出集",
    "{}, line {}": "{} 第 {} 行",
    "{}, entry {}": "{} 第 {} 项",
    "{}, epoch {}": "{}，第 {} 轮",
    "dev CIDEr {:.1f}, BLEU-4 {:.1f} (best CIDEr {:.1f})": (
        "开发集 CIDEr {:.1f}，BLEU-4 {:.1f}（最高 CIDEr {:.1f}）"
    ),
    "{}; held out CIDEr {:.1f}": "{}；留出集 CIDEr {:.1f}",
    "{} {:.3f}, {}": "{} {:.3f}，{}",
    "mean of {} epochs": "{} 轮的平均",
    "{} s": "{} 秒",
    "{} min": "{} 分钟",
    "{} h {} min": "{} 小时 {} 分钟",
    # What the system says of a file or an address
    "Permission denied": "没有权限",
    "Operation not permitted": "操作不被允许",
    "No such file or directory": "文件或文件夹不存在",
    "Is a directory": "是文件夹",
    "Not a directory": "不是文件夹",
    "File exists": "文件已存在",
    "File name too long": "文件名太长",
    "Too many levels of symbolic links": "符号链接层数太多",
    "Too many open files": "打开的文件太多",
    "No space left on device": "磁盘已满",
    "Disk quota exceeded": "超出磁盘配额",
    "Read-only file system": "文件系统是只读的",
    "Input/output error": "输入输出错误",
    "Device or resource busy": "设备或资源正忙",
    "Stale file handle": "文件句柄已失效",
    "Address already in use": "地址已被占用",
    "Cannot assign requested address": "无法使用这个地址",
    "Name or service not known": "未知的主机名",
    "Temporary failure in name resolution": "暂时无法解析主机名",
    "bind(): port must be 0-65535": "端口必须在 0 到 65535 之间",
}
