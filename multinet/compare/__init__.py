"""Which backend runs a model fastest on this machine, and whether they agree.

`multinet compare` is the command. `record` is what a comparison is; `loading` turns a
`Task` into a model and data; `statistics` judges rounds; `worker` is the process of one
backend, and `coordinator` lets them take turns.
"""
