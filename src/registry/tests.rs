//! The client against servers that behave, and servers that do not.

mod absence;
mod fake;

mod presence;

mod world;
