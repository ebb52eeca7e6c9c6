//! AWS credentials from the EC2 instance role through any number of AssumeRole hops
