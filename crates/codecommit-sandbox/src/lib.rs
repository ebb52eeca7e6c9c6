//! IMDSv2, STS and CodeCommit on loopback, for tests without the cloud
