"""Every word that the page says, once per language."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The page's words in one language; `{}` in a sentence stands for a value."""

    title: str
    introduction: str
    photo: str
    photo_hint: str
    sentence: str
    sentence_hint: str
    others: str
    probability: str
    less_than: str
    unexpected: str


ENGLISH = Words(
    title="Captioner 看图说话",
    introduction=(
        "One photo in, one sentence out. The photo stays on the computer that runs this page "
        "and is deleted within the hour."
    ),
    photo="Photo",
    photo_hint="Drop or paste a photo here\nor click to choose one",
    sentence="Sentence",
    sentence_hint="The sentence will appear here.",
    others="Other sentences it considered",
    probability="Probability {}: the model's own estimate, given the photo, of just these words.",
    less_than="less than {}",
    unexpected=(
        "Something went wrong inside the program; the window in which it was started says what."
    ),
)

CHINESE = Words(
    title="Captioner 看图说话",
    introduction="给一张照片，说一句话。照片只留在运行本页面的电脑上，一小时之内删除。",
    photo="照片",
    photo_hint="把照片拖放或粘贴到这里\n或点击选择照片",
    sentence="描述",
    sentence_hint="描述会出现在这里。",
    others="它还考虑过的句子",
    probability="概率 {}：模型自己的估计，即看到这张照片时恰好说出这句话的概率。",
    less_than="低于 {}",
    unexpected="程序内部出了问题，详情请看启动程序的窗口。",
)

WORDS = {"en": ENGLISH, "zh": CHINESE}
