"""Agents on different features, compared by what they learn from how many environment steps.

python -m benchmarks.control run --encoders runs --tasks balls_push --seeds 0 1 2 --out runs/control
python -m benchmarks.control report --out runs/control --record benchmarks/results/control.json \
    --figure docs/images/control.png --page docs/agents.md
"""
