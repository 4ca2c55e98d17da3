"""The command's help, and argparse's own words; the placeholders are argparse's."""

from __future__ import annotations

ARGPARSE = {
    "usage: ": "用法： ",  # as wide as in English, so that further lines stay aligned
    "options": "选项",
    "positional arguments": "参数",
    "show this help message and exit": "显示这份帮助，然后退出",
    "error: ": "错误：",
}

# By its own templates, as gettext has them.
ARGPARSE_ERRORS = {
    "argument %(argument_name)s: %(message)s": "参数 %(argument_name)s：%(message)s",
    "the following arguments are required: %s": "缺少参数：%s",
    "unrecognized arguments: %s": "无法识别的参数：%s",
    "invalid choice: %(value)r (choose from %(choices)s)": (
        "无效的选择 %(value)r（可选：%(choices)s）"
    ),
    "invalid %(type)s value: %(value)r": "%(value)r 不是所需的数（%(type)s）",
    "expected one argument": "需要一个值",
    "expected at least one argument": "至少需要一个值",
    "ignored explicit argument %r": "不接受值 %r",
    "ambiguous option: %(option)s could match %(matches)s": (
        "选项 %(option)s 有歧义，可能是 %(matches)s"
    ),
}

HELP = {
    "Write a sentence about a photo.": "给一张照片写一句描述。",
    "commands": "命令",
    "one line per photo": "每张照片写一行",
    "caption all photos in a folder": "给文件夹里的所有照片写描述",
    "train a model from a recipe": "按配方训练模型",
    "score captions against references": "对照参考描述给描述评分",
    "list the installed models": "列出已安装的模型",
    "let a model write another model's language, too": "让一个模型也能写另一个模型的语言",
    "open the web page": "打开网页",
    "the language to write in: en, zh, or both: en,zh": "用哪种语言写：en、zh，或两种都写：en,zh",
    "how a caption is written": "怎样写描述",
    "width of the beam search, 1 to 10 (3)": "束搜索的束宽，1 到 10（3）",
    "how many sentences, best first, 1 to 10 (1)": "给出几句，最好的在前，1 到 10（1）",
    "fewest words in a sentence, 0 to 30 (1)": "每句最少几个词，0 到 30（1）",
    "most words in a sentence, 1 to 30 (14)": "每句最多几个词，1 到 30（14）",
    "more favours longer sentences, -5 to 5 (0.8)": "越大越偏向长句，-5 到 5（0.8）",
    "no so many words in a row twice, 0 to 30 (2)": "连续这么多个词不出现两次，0 到 30（2）",
    "no word again within so many, but such as 'the', 0 to 30 (2)": (
        "这么多个词以内不重复同一个词，虚词除外，0 到 30（2）"
    ),
    "words or phrases that must appear; may be repeated": "必须出现的词语或短语；可以重复",
    "words or phrases that must not appear; may be repeated": "不要出现的词语或短语；可以重复",
    "draws at random: below 1 keeps to likely words, above 1 is bolder, 0.01 to 100 (1)": (
        "随机抽取：低于 1 稳妥，高于 1 大胆，0.01 到 100（1）"
    ),
    "draws among so many likeliest words, 1 to 1000000": (
        "在最可能的这么多个词里抽取，1 到 1000000"
    ),
    "draws among the likeliest words of such a probability, 0.01 to 1": (
        "在概率合计达到此值的最可能的词里抽取，0.01 到 1"
    ),
    "draws the same sentences for the same number, 0 to 9007199254740991": (
        "数相同，抽出的句子就相同，0 到 9007199254740991"
    ),
    "one JSON object per photo": "每张照片一个 JSON 对象",
    "a folder, a zip or tar archive, or a file that lists photos (- standard input)": (
        "文件夹、zip 或 tar 压缩包，或者列出照片的文件（- 表示标准输入）"
    ),
    ".jsonl, .csv or .json (COCO results; captions.jsonl if not given); - standard output; "
    "a folder with --sidecar": (
        ".jsonl、.csv 或 .json（COCO 结果），默认 captions.jsonl；- 表示标准输出；"
        "和 --sidecar 一起用时是文件夹"
    ),
    "texts beside or inside photos": "照片旁边或照片里的文字",
    "photo.txt beside photo.jpg": "在 photo.jpg 旁边写 photo.txt",
    "also into JPEG and PNG photos (XMP)": "同时写进 JPEG 和 PNG 照片（XMP）",
    "what to do where there is a text already (skip)": "已经有文字时怎么办（skip）",
    "which photos": "哪些照片",
    "not the folders below": "不看下级文件夹",
    "only photos whose name or path matches, such as '*.png'; may be repeated": (
        "只要文件名或路径匹配的照片，例如“*.png”；可以重复"
    ),
    "no photos whose name or path matches, such as '*.png'; may be repeated": (
        "不要文件名或路径匹配的照片，例如“*.png”；可以重复"
    ),
    "also those that changed since": "也包括后来改动过的照片",
    "also those added until Ctrl+C": "也包括此后添加的照片，直到按 Ctrl+C",
    "only this part of so many": "只处理若干份中的这一份",
    "captions": "描述",
    "goes before each caption": "写在每条描述前面",
    "also a page with the photos": "另外生成一个带照片的网页",
    "speed": "速度",
    "photos the model takes at a time": "模型一次处理几张照片",
    "processes that open photos": "用几个进程打开照片",
    "ray: the machines of a Ray cluster": "ray：用 Ray 集群的机器",
    "the run's folder (runs/NAME)": "训练的文件夹（runs/NAME）",
    'such as "cuda" or "cpu"': "例如“cuda”或“cpu”",
    "look the data over, train nothing": "只检查数据，不训练",
    "a dataset: its folder or its captions file": "数据集：它的文件夹或描述文件",
    "only these photos, one a line": "只评这些照片，每行一个文件名",
    "keep the captions": "保存描述",
    "captions to score, in COCO results format": "要评分的描述，COCO 结果格式",
    "their references, in COCO captions format": "对应的参考描述，COCO 描述格式",
    "the language to write in, or of the results (en)": "用哪种语言写，或结果的语言（en）",
    "where the photos are": "照片在哪里",
    "captions the model was trained on; the data's train split, if not given": (
        "训练模型用过的描述；默认是数据的训练集"
    ),
    "also run pycocoevalcap, which needs Java": "同时运行 pycocoevalcap（需要 Java）",
    "every caption's own scores": "每条描述各自的分数",
    "the report as one web page": "把报告写成一个网页",
    "a report that --json saved": "--json 保存的另一份报告",
    "who may come: only this computer": "监听的地址；默认只有本机能访问",
    "open the page in a browser": "在浏览器里打开网页",
    "a further name that the page goes by; may be repeated": "网页可使用的另一个名称；可以重复",
    "what visitors have to give": "访问者要输入的用户名和密码",
    "the same from a file, which no other user's list of processes shows": (
        "同上，但从文件读取，其他用户的进程列表里看不到"
    ),
    "of all files that wait at once (4GB)": "同时等待的所有文件的总大小上限（4GB）",
    "of one file, such as 20MB (200MB)": "单个文件的大小上限，例如 20MB（200MB）",
    "be an MCP tool server as well": "同时作为 MCP 工具服务器",
    "open it to the internet, by gradio's servers": "经 gradio 的服务器向互联网开放",
    "an installed model's name, or its folder": "已安装模型的名字，或者它的文件夹",
    "one that was trained on the encoder of the first": "用前者的编码器训练出来的模型",
    "an installed model's name, or a model folder": "已安装模型的名字，或者模型文件夹",
}

COMMAND = {**ARGPARSE, **HELP}
