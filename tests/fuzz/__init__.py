"""Damaged files of every kind that is read: a clear error or a result, never anything else.

``mutate`` damages bytes, ``campaign`` reads many damaged files of a kind, and ``kinds`` has a
module for each kind with what a whole file is, how it is read and which errors it may raise.
``python -m tests.fuzz --cases 10000`` runs any number of cases.
"""
