"""Agents from the command line: train them, let them play, and film them.

The scripts run from the checkout (`python -m agents.train`, `agents.evaluate`, `agents.record`) and are not installed:
`agents` is somebody else's name on the package index. What they are made of lives in `rmr_gym.sb3`.
"""
