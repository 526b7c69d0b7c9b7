"""What makes the vectors of the formats: a module for each family, by its specification."""
