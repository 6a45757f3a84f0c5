"""Environments: the games of the paper on the Arcade Learning Environment."""
