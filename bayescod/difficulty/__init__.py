"""Difficulty of items: profiles over the ladder, and clusters of items that grow alike."""

from bayescod.difficulty.clusters import METHODS, Clusters, cluster_items
from bayescod.difficulty.mean_shift import ImprovedMeanShift
from bayescod.difficulty.profiles import difficulty_profile

__all__ = ["METHODS", "Clusters", "ImprovedMeanShift", "cluster_items", "difficulty_profile"]
