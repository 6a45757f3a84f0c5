"""The steps of the chain, one public function each: folders in, a folder out, and a record of what came out.

A step that finds its own finished record returns it and does nothing; one that was killed goes on where it was.
"""

from rmr_gym.pipeline.stages.collect import collect
from rmr_gym.pipeline.stages.pretrain import pretrain
from rmr_gym.pipeline.stages.probe import probe
from rmr_gym.pipeline.stages.survey import open_recorded, survey
from rmr_gym.pipeline.stages.train import train
from rmr_gym.pipeline.stages.train_together import train_together

__all__ = ["collect", "open_recorded", "pretrain", "probe", "survey", "train", "train_together"]
