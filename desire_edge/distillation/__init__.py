"""Static lexicons distilled from sentence encoders and word vectors (server side)."""
