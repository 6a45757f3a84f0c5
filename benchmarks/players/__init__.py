"""The 32 players of `rmr_gym.players.paper_heads` in the 24 games: scores, what they see of a game, and their speed.

python -m benchmarks.players measure --out runs/players
python -m benchmarks.players speed --out runs/players
python -m benchmarks.players report --out runs/players
"""
