"""The tables of a report, one module each: evidence and options in, a `Table` out."""
