"""The chain behind `rmr-gym`: collect, pre-train, train, probe, compare, draw.

`config` and `profiles` say what is to be done, `stages` does one step in one folder, `run` does them all, `summary`,
`tables` and `figures` show what came out, `doctor` looks at the machine, `commands` turns words on the command line
into one of these calls. Import from the modules: the package itself loads nothing, so that the doctor works anywhere.
"""
