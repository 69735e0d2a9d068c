"""What runs on a worker, where nothing of ours is: only the standard library, and only that of Python 3.7.

`packing.py` sends these modules along as one archive, which Python runs as it is. `grid_files` alone imports
more: DIRAC, where the worker has it, in a process of its own.
"""
