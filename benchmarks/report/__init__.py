"""Tables, figures and a page from the results of the benchmark, and from nothing else."""
