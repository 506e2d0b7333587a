"""What a transcoder makes of a split, stored and compared with the true Mels."""
