"""Training: recipes, data, objectives, checkpoints and the loop."""

from typing import TYPE_CHECKING

from captioner.lazy import offered

if TYPE_CHECKING:
    from captioner.training.check import check_data
    from captioner.training.distributed import join
    from captioner.training.recipe import Recipe
    from captioner.training.recipe_file import read_recipe
    from captioner.training.run import train

__all__ = ["Recipe", "check_data", "join", "read_recipe", "train"]
__getattr__, __dir__ = offered(
    __name__,
    {
        "check": "check_data",
        "distributed": "join",
        "recipe": "Recipe",
        "recipe_file": "read_recipe",
        "run": "train",
    },
)
