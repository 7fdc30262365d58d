"""What plays a preset.

``embedded``
    The stand-in, a wavetable engine of this package.
``plugin``
    Massive itself, hosted in processes of its own.
"""
