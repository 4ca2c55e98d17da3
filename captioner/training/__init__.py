"""Training: recipes, data, objectives, checkpoints and the loop."""

from captioner.training.recipe import Recipe, read_recipe
from captioner.training.run import train

__all__ = ["Recipe", "read_recipe", "train"]
