//! Very many images.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::line::{Door, Line};
use super::load::NAMESPACES;
use super::process::{allowed_memory, peak_memory, resident_memory};
use super::registry::Scene;
use super::trial::{Came, Form, Trial, here};
use crate::support::reviews::{POD, Review, pod_spec_of};

/// Distinct images, and how many of them one pod has.
const IMAGES: usize = 10_000;
const IN_A_POD: usize = 40;

/// What an image may cost in memory at the most, found and remembered.
const EACH: usize = 8 << 10;

pub fn ten_thousand_images_are_new(_: &str) -> Came {
    here(async {
        let scene = Scene::set().await;
        let order = scene.order();
        let trial = Trial::begin(order.clone()).await;
        let before = resident_memory(&scene.webhook);
        let door = Door::new(scene.webhook.address(), scene.webhook.ca());
        let images = IMAGES * Form::asked().pick(1, 5);
        let pods = stream::iter((0..images / IN_A_POD).map(|number| {
            let spec = pod_spec_of((0..IN_A_POD).map(|_| order.names.good()));
            let namespace = NAMESPACES[number % NAMESPACES.len()];
            let review = Review::create(&POD, &POD.object(namespace, "many", spec));
            let body = Bytes::from(review.json().to_string());
            let door = door.clone();
            async move { Line::new(vec![door], false, false).post("timeout=30s", body).await }
        }));
        let mut answers = pods.buffer_unordered(4);
        while let Some(answer) = answers.next().await {
            let (status, body) = answer.unwrap();
            assert_eq!(status, 200);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["response"]["allowed"], true, "{body:#}");
        }
        trial.lasts().await;
        let figures = trial.over(&scene.webhook).await;
        let after = resident_memory(&scene.webhook);
        let each = after.saturating_sub(before) / images;
        assert!(each < EACH, "{each} bytes for each of {images} images");
        let peak = peak_memory(&scene.webhook);
        assert!(peak < allowed_memory(), "{} MiB at the most", peak >> 20);
        figures
    })
}
