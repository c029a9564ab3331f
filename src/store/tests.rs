//! The store on the real databases.
