//! Remote names, endpoints and signed HTTPS logins for git on AWS CodeCommit, without IO
