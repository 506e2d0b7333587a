"""What can be fetched (table), how it is fetched (downloader) and how it is unpacked.

`files.csv` and `table` say what there is; `checksums`, `downloader` and `unpack` do the work for
one file; `collection` runs many; `report` tells the state of each; `layouts` and `urbansound8k`
know the folders that the experiments expect.
"""
