"""What COD is compared with, in the same predictive form."""
