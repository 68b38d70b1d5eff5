//! An answer as plain data, and the ones that several parts need.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::json;

use crate::support::server::{Body, Reply, body};

/// An HTTP answer before it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Whether Content-Length tells the body's length.
    pub told: bool,
}

impl Answer {
    /// An answer with a body, whose length is told.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), told: true }
    }

    /// The distribution spec's error document.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let document = json!({ "errors": [{ "code": code, "message": message, "detail": {} }] });
        Self::new(status, document.to_string()).with("Content-Type", "application/json")
    }

    /// 401 with these `WWW-Authenticate` lines.
    pub fn unauthorized(challenges: &[String]) -> Self {
        let answer = Self::error(401, "UNAUTHORIZED", "authentication required");
        challenges.iter().fold(answer, |answer, line| answer.and("WWW-Authenticate", line))
    }

    /// A web page.
    pub fn html(status: u16, text: &str) -> Self {
        let page = format!("<!DOCTYPE html><html><body><h1>{text}</h1></body></html>");
        Self::new(status, page).with("Content-Type", "text/html; charset=utf-8")
    }

    /// Sets a header, in place of any of that name.
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// Adds a header line.
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header away; `Content-Length` too.
    pub fn without(mut self, name: &str) -> Self {
        if name.eq_ignore_ascii_case("content-length") {
            self.told = false;
        }
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self
    }

    /// Sends it; without the body, but with its length, in answer to HEAD.
    pub fn into_reply(self, head: bool) -> Reply {
        let length = self.body.len();
        let (told, bytes) = (self.told, self.body.clone());
        let mut response = self.into_response(body::empty());
        if !told {
            *response.body_mut() = body::untold(if head { Bytes::new() } else { bytes });
        } else if head {
            response.headers_mut().insert("content-length", HeaderValue::from(length));
        } else {
            *response.body_mut() = body::whole(bytes);
        }
        Reply::Http(response)
    }

    /// Sends status and headers with another body.
    pub fn into_reply_with(self, body: Body) -> Reply {
        Reply::Http(self.into_response(body))
    }

    fn into_response(self, body: Body) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(body).unwrap()
    }
}
