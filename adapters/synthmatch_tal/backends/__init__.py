"""What plays a preset.

``embedded``
    The engine of this package, which needs nothing installed.
``plugin``
    TAL-NoiseMaker itself, hosted in processes of its own.
"""
