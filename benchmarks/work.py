"""The work behind an experiment: the stages of `rmr-gym run`, and their way into the storage of results."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.experiment import DataSettings, EncoderSettings, Experiment, ProcessorSettings
from benchmarks.result import FAILURE_FILE, JsonObject, Result, to_text
from benchmarks.storage import Storage, download, local_folder, open_storage, upload
from rmr_gym.documents import exclusive
from rmr_gym.errors import BusyFolderError
from rmr_gym.pipeline import stages
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.probed import PROBE_FILE
from rmr_gym.pipeline.stage import LOG_FILE, RESULT_FILE
from rmr_gym.training import Member, read_records

PROCESSOR_FOLDER, ENCODER_FOLDER = "processor", "encoder"
"""Where weights lie in the folder of an experiment."""

_PAUSE = 0.2  # seconds between two looks at a folder in which another process works
_RECORDS = (RESULT_FILE, LOG_FILE, PROBE_FILE)  # of stages; what they say is in the result


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where everything lies."""

    results: str
    """Folder or URL of the results, the same for all machines."""

    work: Path
    """Folder of this machine: data sets, and what is under way."""

    datasets: str | None = None
    """Folder or URL where data sets are shared; None leaves each in the work folder of its machine."""

    device: str = "cpu"
    """Where the networks run."""

    keep_encoders: bool = False
    """Whether the weights of encoders are kept beside their results."""


def collect_data(settings: DataSettings, places: Places) -> None:
    """See to it that a data set is on this machine: it is there, or is shared, or is played.

    An episode depends on its seed and number alone, so that two machines which play it have the same one. Of a finished
    data set from which damaged episodes were deleted, these are played again.
    """
    folder = data_folder(settings, places)
    if _is_whole(folder, settings):
        return
    name = folder.name
    with _waiting_for(folder.parent / f".{name}.lock"):
        if _is_whole(folder, settings):
            return
        shared = _shared_data(places)
        is_shared = shared is not None and shared.exists(f"{name}/{RESULT_FILE}")
        if shared is not None and is_shared and not (folder / RESULT_FILE).exists():
            if folder.exists():  # a recording of this machine that was killed before another one shared the set
                shutil.rmtree(folder)
            download(shared, name, folder)
            return
        stages.collect(
            settings.game, folder, settings.config, seed=settings.seed, sources=settings.players, num_workers=1
        )
        if shared is not None and not is_shared:
            upload(folder, shared, name, last=RESULT_FILE)


def run_experiments(experiments: Sequence[Experiment], places: Places) -> list[str]:
    """Do some experiments, those of the natural stage as one ensemble, and write their results.

    Args:
        experiments: one, or several of the natural stage that differ in arm and seed alone.
        places: where everything lies.

    Returns:
        A few words on each.

    Raises:
        BusyFolderError: when another process is at one of them.
    """
    results = open_storage(places.results)
    missing = [experiment for experiment in experiments if not results.exists(experiment.result_name)]
    with ExitStack() as locks:
        for experiment in missing:
            locks.enter_context(exclusive(places.work / experiment.folder))
        # Between the look and the lock another process may have finished.
        missing = [experiment for experiment in missing if not results.exists(experiment.result_name)]
        if missing:
            collect_data(missing[0].settings.data, places)
        if len(missing) > 1:
            _train_together(missing, places, results)
        said = {experiment.folder: _run_one(experiment, places, results) for experiment in missing}
    return [said.get(experiment.folder, "is there") for experiment in experiments]


def tidy(done: Iterable[Experiment], places: Places) -> None:
    """Remove what a kill has left of experiments between their last word and their end."""
    for experiment in done:
        folder = places.work / experiment.folder
        if folder.exists():
            with suppress(BusyFolderError), exclusive(folder):
                shutil.rmtree(folder, ignore_errors=True)


def data_folder(settings: DataSettings, places: Places) -> Path:
    """Return where a data set lies on this machine."""
    shared = None if places.datasets is None else local_folder(places.datasets)
    return (places.work / "data" if shared is None else shared) / settings.name.removeprefix("data/")


def _is_whole(folder: Path, settings: DataSettings) -> bool:
    """Tell whether a data set is finished and has all of its episodes: users are told to delete damaged ones."""
    recorded = sum(1 for _ in folder.glob("ep-*.arrow"))
    return recorded >= settings.config.num_episodes and (folder / RESULT_FILE).exists()


def _shared_data(places: Places) -> Storage | None:
    """Return where data sets are shared, if that is not where they are used."""
    return (
        None if places.datasets is None or local_folder(places.datasets) is not None else open_storage(places.datasets)
    )


def _run_one(experiment: Experiment, places: Places, results: Storage) -> str:
    work = places.work / experiment.folder
    if isinstance(experiment.settings, ProcessorSettings):
        result = _abstract(experiment, experiment.settings, places, results)
        said = f"slot accuracy {result.scores['slot_accuracy']:.3f}"
    else:
        result = _natural(experiment, experiment.settings, places, results)
        shown = ((name, row["bit_f1"]["weighted"]) for name, row in result.scores["readouts"].items())
        said = "bit F1 " + ", ".join(f"{score:.3f} ({name})" for name, score in shown)
    results.write(experiment.result_name, to_text(result).encode())
    results.remove(f"{experiment.folder}/{FAILURE_FILE}")
    shutil.rmtree(work, ignore_errors=True)
    return f"{said}; {result.seconds['wall']:.0f} s"


def _abstract(experiment: Experiment, settings: ProcessorSettings, places: Places, results: Storage) -> Result:
    folder = places.work / experiment.folder / PROCESSOR_FOLDER
    record = stages.pretrain(
        data_folder(settings.data, places),
        folder,
        settings.abstract,
        entropy_threshold=settings.entropy_threshold,
        seed=settings.seed,
        device=places.device,
    )
    if settings.seed == settings.data.seed:  # the one that experiments of the natural stage take
        upload(folder, results, f"{experiment.folder}/{PROCESSOR_FOLDER}", leave=_RECORDS)
    scores = {**record["processor"], "copy": record["copy"], "num_kept_slots": len(record["kept_slots"])}
    counts = {name: record[name] for name in ("kept_slots", "num_transitions")}
    inputs = {"data": record["inputs"]["data"], "processor": record["fingerprint"]}
    return _result(experiment, scores | counts, None, folder, [record], inputs, places.device)


def _natural(experiment: Experiment, settings: EncoderSettings, places: Places, results: Storage) -> Result:
    folder, data = places.work / experiment.folder / ENCODER_FOLDER, data_folder(settings.data, places)
    trained = stages.train(
        data,
        _processor(experiment, settings, places, results),
        folder,
        settings.trained_as,
        settings.natural,
        seed=settings.seed,
        device=places.device,
    )
    probed = stages.probe(data, folder, None, settings.probe, seed=settings.probe_seed, device=places.device)
    if places.keep_encoders:
        upload(folder, results, f"{experiment.folder}/{ENCODER_FOLDER}", leave=_RECORDS)
    counts = ("num_train_frames", "num_validation_frames", "share_of_validation_seen_in_training", "kept_slots")
    scores = {name: probed[name] for name in ("readouts", "majority", *counts)}
    scores["num_kept_slots"] = len(probed["kept_slots"])
    collapse = {**probed["collapse"], "active_margins": trained["last_record"].get("active_margins")}
    inputs = {
        "data": probed["inputs"]["data"],
        "processor": trained["inputs"]["processor"],
        "encoder": trained["fingerprint"],
    }
    return _result(experiment, scores, collapse, folder, [trained, probed], inputs, places.device)


def _result(
    experiment: Experiment,
    scores: JsonObject,
    collapse: JsonObject | None,
    folder: Path,
    records: Sequence[Mapping[str, Any]],
    inputs: JsonObject,
    device: str,
) -> Result:
    timings = [record["timing"] for record in records]
    return Result(
        id=experiment.id,
        key=experiment.key,
        kind=experiment.kind,
        profile=experiment.profile,
        game=experiment.game,
        donor=experiment.donor,
        arm=experiment.arm,
        slot_dim=experiment.slot_dim,
        seed=experiment.seed,
        config=experiment.config,
        scores=scores,
        collapse=collapse,
        curve=[dict(record) for record in read_records(folder / LOG_FILE)],
        seconds={
            "wall": round(sum(timing["wall_seconds"] for timing in timings), 3),
            "processor": round(sum(timing["cpu_seconds"] for timing in timings), 3),
        },
        machine=hardware(device),
        versions=versions(),
        inputs=inputs,
    )


def _processor(experiment: Experiment, settings: EncoderSettings, places: Places, results: Storage) -> Any:
    """Return the folder of the processor that goes in, on this machine, or its bare config."""
    needed = experiment.needs
    if needed is None:
        return settings.processor
    storage_folder = local_folder(places.results)
    if storage_folder is not None:
        return storage_folder / needed.folder / PROCESSOR_FOLDER
    folder = places.work / "processors" / needed.folder
    with _waiting_for(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            download(results, f"{needed.folder}/{PROCESSOR_FOLDER}", folder)
    return folder


def _train_together(experiments: Sequence[Experiment], places: Places, results: Storage) -> None:
    """Train the encoders of an ensemble; what follows finds their stages finished."""
    settings = experiments[0].settings
    assert isinstance(settings, EncoderSettings), "ensembles are made of experiments of the natural stage"
    outs = {
        Member(one.settings.trained_as, one.settings.seed): places.work / one.folder / ENCODER_FOLDER
        for one in experiments
        if isinstance(one.settings, EncoderSettings)
    }
    stages.train_together(
        data_folder(settings.data, places),
        _processor(experiments[0], settings, places, results),
        outs,
        settings.natural,
        state_folder=places.work / experiments[0].folder,
        device=places.device,
    )


@contextmanager
def _waiting_for(folder: Path) -> Iterator[None]:
    """Keep a folder to this process as soon as another one is done with it."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive(folder))
                break
            except BusyFolderError:
                time.sleep(_PAUSE)
        yield
