"""The embedded data (``DEMO``): urban sounds and scenes made by rule, in the three real layouts.

``signals`` and ``space`` are the tools; ``vehicles``, ``voices``, ``animals``, ``machines``,
``impacts``, ``music``, ``indoors`` and ``outdoors`` make single sounds; ``scenes`` names them
all and mixes them; ``clips`` writes one clip; ``tau``, ``urbansound8k`` and ``sonyc_ust`` plan
the clips and labels of one data set; ``layouts`` writes all three.
"""
