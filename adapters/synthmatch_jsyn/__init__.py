"""The synths of the InverSynth papers: a JSyn-like four-oscillator synth and a small FM one."""
