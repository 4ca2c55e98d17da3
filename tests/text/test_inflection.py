"""Forms of a word are found where both are there, as nltk's Snowball stemmer finds them."""

from captioner.text.inflection import base_forms


def test_plurals_and_verbs_belong_to_their_word() -> None:
    words = """
        dog dogs bush bushes puppy puppies jump jumps jumped jumping ride riding rides run running
        carry carried carries grass bus red bed sing king
    """
    assert base_forms(words.split()) == {
        "dogs": "dog", "bushes": "bush", "puppies": "puppy",
        "jumps": "jump", "jumped": "jump", "jumping": "jump",
        "riding": "ride", "rides": "ride", "running": "run", "carried": "carry", "carries": "carry",
    }  # fmt: skip


def test_of_two_words_a_form_belongs_to_the_more_frequent() -> None:
    assert base_forms(["plane", "plan", "planes"])["planes"] == "plane"
    assert base_forms(["bar", "bare", "bares", "baring"])["baring"] == "bar"


def test_a_form_without_its_word_stands_for_itself() -> None:
    assert base_forms(["jumping", "jumps"]) == {}
