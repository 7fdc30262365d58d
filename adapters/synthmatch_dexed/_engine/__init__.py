"""The DX7 engine: voices to programmes (``programme``), programmes to samples (``kernel``)."""
