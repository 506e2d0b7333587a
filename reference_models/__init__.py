"""Files alone: trained transcoders that come with the project (README.md)."""
