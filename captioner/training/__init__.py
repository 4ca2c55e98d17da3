"""Training: recipes, data, objectives, checkpoints and the loop."""

from captioner.training.check import check_data
from captioner.training.distributed import join
from captioner.training.recipe import Recipe
from captioner.training.recipe_file import read_recipe
from captioner.training.run import train

__all__ = ["Recipe", "check_data", "join", "read_recipe", "train"]
