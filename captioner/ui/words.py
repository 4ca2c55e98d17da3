"""Every word that the page says, once per language."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from captioner.errors import CaptionerError
from captioner.messages import Message

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """The page's words in one language; `{}` in a sentence stands for a value.

    places: where on a photo something lies, row by row from the upper left to the lower right.
    sureness: how sure the model is, from least to most. numbers: names of large ones.
    """

    title: str
    introduction: str
    too_large: str
    # One photo
    one: str
    photo: str
    photo_hint: str
    waiting: str
    copy: str
    copied: str
    sureness: tuple[str, ...]
    sure_because: str
    one_in: str
    numbers: tuple[tuple[float, str], ...]
    looked_at: str
    looked_everywhere: str
    places: tuple[str, ...]
    words: str
    words_hint: str
    sentences: str
    strip: str
    save: str
    # How it is written
    how: str
    model: str
    beam: str
    beam_hint: str
    top: str
    length: str
    sampling: str
    temperature: str
    temperature_hint: str
    seed: str
    seed_hint: str
    require: str
    avoid: str
    listed_hint: str
    no_model: str
    # Many photos
    many: str
    photos_hint: str
    stop: str
    again: str
    progress: str
    stopped: str
    done: str
    done_except: str
    edit: str
    download: str


ENGLISH = Words(
    title="Captioner 看图说话",
    introduction=(
        "A photo in, a sentence out. Photos stay on the computer that runs this page "
        "and are deleted within the hour."
    ),
    too_large="{} is too large: a file may have {} MB here.",
    one="One photo",
    photo="Photo",
    photo_hint="Drop or paste a photo here\nor click to choose one",
    waiting="The sentence will appear here.",
    copy="Copy",
    copied="Copied",
    sureness=(
        "The model is mostly guessing.",
        "The model is not very sure.",
        "The model is fairly sure.",
        "The model is very sure.",
    ),
    sure_because="There are many ways to say it; the probability of just these words is {}.",
    one_in="1 in {}",
    numbers=((10**12, "trillion"), (10**9, "billion"), (10**6, "million")),
    looked_at="{}: looked at the {}",
    looked_everywhere="{}: looked at the whole photo",
    places=(
        *("upper left", "upper middle", "upper right"),
        *("left", "middle", "right"),
        *("lower left", "lower middle", "lower right"),
    ),
    words="Words",
    words_hint="Where did it look? Point at a word, tap it, or use the arrow keys.",
    sentences="The best sentences, and how probable each is",
    strip="Where it looked, word by word",
    save="Save as a picture",
    how="How it is written",
    model="Model",
    beam="Beam width",
    beam_hint="How many beginnings are followed at once.",
    top="How many sentences",
    length="Most words in a sentence",
    sampling="Draw at random instead of taking the best",
    temperature="Temperature",
    temperature_hint="Below 1 keeps to likely words, above 1 is bolder.",
    seed="Seed",
    seed_hint="Another number, other sentences.",
    require="Words that must appear",
    avoid="Words to avoid",
    listed_hint="With commas between them; Enter when done.",
    no_model="No installed model writes English, so the sentence is in the model's own language.",
    many="Many photos",
    photos_hint="Drop photos or zip files here, or click to choose them",
    stop="Stop",
    again="Start over",
    progress="{} of {}",
    stopped="Stopped: {} of {} photos.",
    done="All {} photos have a caption. They can be corrected by hand.",
    done_except="{} of {} photos have a caption; the others say why not.",
    edit="Caption of {}",
    download="Download",
)

CHINESE = Words(
    title="Captioner 看图说话",
    introduction="给一张照片，说一句话。照片只留在运行本页面的电脑上，一小时之内删除。",
    too_large="{} 太大：这里每个文件不能超过 {} MB。",
    one="一张照片",
    photo="照片",
    photo_hint="把照片拖放或粘贴到这里\n或点击选择照片",
    waiting="描述会出现在这里。",
    copy="复制",
    copied="已复制",
    sureness=(
        "模型基本是在猜。",
        "模型不太有把握。",
        "模型比较有把握。",
        "模型很有把握。",
    ),
    sure_because="同一个意思有许多说法，恰好这样说的概率是 {}。",
    one_in="{}分之一",
    numbers=((10**12, "万亿"), (10**8, "亿"), (10**4, "万")),
    looked_at="{}：看的是{}",
    looked_everywhere="{}：看的是整张照片",
    places=("左上", "上方", "右上", "左侧", "中间", "右侧", "左下", "下方", "右下"),
    words="词语",
    words_hint="它在看哪里？指向或点按一个词，也可以用方向键。",
    sentences="最好的几句话和各自的概率",
    strip="每个词看的是哪里",
    save="保存为图片",
    how="怎样写",
    model="模型",
    beam="束宽",
    beam_hint="束搜索同时保留多少种开头。",
    top="给出几句",
    length="每句最多几个词",
    sampling="随机抽取，而不是取最好的",
    temperature="温度",
    temperature_hint="低于 1 更稳妥，高于 1 更大胆。",
    seed="随机种子",
    seed_hint="换一个数，就换一批句子。",
    require="必须出现的词",
    avoid="不要出现的词",
    listed_hint="用逗号隔开，按回车键生效。",
    no_model="还没有安装会写中文的模型，所以句子用的是模型自己的语言。",
    many="多张照片",
    photos_hint="把照片或 zip 压缩包拖放到这里，或点击选择",
    stop="停止",
    again="重新开始",
    progress="{} / {}",
    stopped="已停止：完成了 {} / {} 张照片。",
    done="全部 {} 张照片都有了描述，可以直接修改。",
    done_except="{} 张照片有了描述（共 {} 张），其余的写明了原因。",
    edit="{} 的描述",
    download="下载",
)

WORDS = {"en": ENGLISH, "zh": CHINESE}

UNEXPECTED = Message(
    "Something went wrong inside the program; the window in which it was started says what."
)


def sentence_of(error: Exception | None) -> Message:
    """What an error says to a person; what is the program's own fault is logged."""
    if isinstance(error, CaptionerError):
        return error
    log.error(Message("captioning failed"), exc_info=error)
    return UNEXPECTED
