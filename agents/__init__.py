"""Place of the runnable reinforcement-learning agents over a pretrained encoder; empty until `rmr_gym.sb3` exists.

Scripts here run from the checkout (`python -m agents.<name>`) and are not installed: `agents` is somebody else's name
on the package index. What users import lives in `rmr_gym`.
"""
