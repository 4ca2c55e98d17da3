"""Words that carry a sentence rather than tell what is on the photo."""

_ENGLISH = """
    a an the this that these those some any each every all both another other others such same
    one two three four five six several many few more most no not n't 's
    and or but nor while as if than so then when where who which what that whose how
    in on at of to from with without by for into onto over under up down out off near next beside
    behind between through across along around about above below against among after before during
    inside outside toward towards upon front back top side
    is are was were be being been am has have had having do does did can could will would may
    he she it they him her them his hers its their we our you your i my there here very too also
"""
_CHINESE = """
    的 了 着 过 地 得 在 有 是 和 与 及 跟 并 而 或 从 向 往 对 把 被 让 给 用 为 以 于 到 由
    正 正在 也 都 还 又 很 这 那 这个 那个 它 他 她 他们 她们 它们 其 各 某 一些 许多 很多 几 几个
    多 一 二 两 三 四 五 六 个 只 条 名 位 张 辆 群 块 片 一个 一只 一条 一名 一位 一张 一辆 一群
    一块 一片 两个 两只 两条 两名 两位 三个 三只 四个
    上 下 里 中 前 后 旁 边 外 内 上面 下面 里面 前面 后面 旁边 中间 身上
"""
FUNCTION_WORDS = {"en": frozenset(_ENGLISH.split()), "zh": frozenset(_CHINESE.split())}
