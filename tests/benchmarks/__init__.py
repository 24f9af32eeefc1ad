"""s3dest beside what else there is for the same work: same rows, same sink, a fresh process for each lap."""
