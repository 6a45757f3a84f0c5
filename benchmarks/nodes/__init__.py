"""What a Ray cluster costs beside the processes of one machine, and how well the cost model foresees it."""
