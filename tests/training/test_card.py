"""The model card tells what the recipe says and what the published model scores."""

from pathlib import Path

from captioner.training import read_recipe
from captioner.training.card import model_card

RECIPE = Path(__file__).parents[2] / "configs" / "small-en.toml"
SCORES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")


def scores(cider: float) -> dict[str, float]:
    return {**{name: 10.0 + number for number, name in enumerate(SCORES)}, "cider": cider}


def row(phase: str, cider: float) -> dict[str, object]:
    return {"phase": phase, "epoch": 1, **scores(cider)}


def test_the_decoder_is_described_with_every_unusual_choice() -> None:
    changes = ["decoder.layers=2", "decoder.residual=true", "decoder.hidden_size=384"]
    card = model_card(read_recipe(RECIPE, changes), [row("decoder", 50.0)], scores(50.0))

    assert "lstm, 2 layers of 384 units, multihead attention" in card
    assert "residual True" in card
    assert "layer_norm" not in card  # as usual, so not worth a word


def test_the_scores_are_those_of_the_published_model() -> None:
    rows = [row("decoder", 50.0), row("all layers", 61.25), row("self-critical", 60.0)]
    card = model_card(
        read_recipe(RECIPE),
        rows,
        {**scores(61.5), "held_out_cider": 70.04, "held_out_bleu_4": 22.0},
    )

    assert "| 10.0 | 11.0 | 12.0 | 13.0 | 14.0 | 61.5 |" in card
    assert "another dataset: CIDEr 70.0, BLEU-4 22.0." in card
    assert "- all layers: 1 epochs" in card


def test_rare_words_made_likelier_are_told_of_where_they_are() -> None:
    cards = [
        model_card(read_recipe(RECIPE, [f"logit_adjustment={own}"]), [], scores(50.0))
        for own in (0.0, 0.15)
    ]
    told = ["logit adjustment of 0.15" in card for card in cards]
    assert told == [False, True]


def test_a_search_that_heeds_trigrams_is_told_of() -> None:
    changes = ["unseen_penalty=0.7", 'trigrams=["more.txt"]']
    card = model_card(read_recipe(RECIPE, changes), [], scores(50.0))
    assert "not in these captions nor in `more.txt` loses 0.7 of its log-probability" in card
