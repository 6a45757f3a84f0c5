"""What experiments cost: unit costs that were measured, and the prediction that adds them up."""
