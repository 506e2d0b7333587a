"""The reproduction of the paper: its numbered steps, what runs them, and the report."""
