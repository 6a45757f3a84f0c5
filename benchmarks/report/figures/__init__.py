"""The figures of a report, one module each: tables in, a matplotlib figure out."""
