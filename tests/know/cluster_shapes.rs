//! Configurations that nobody has: what reads them comes to an end, in little time and memory.

use std::time::Duration;

use peers::Agent;

use crate::cluster_cib::device;

const MIB: usize = 1024 * 1024;

/// What is enough for every shape, with threads and all: a text of 16 MiB, and what is made of it.
const MEMORY: usize = 200 * MIB;

const HEAD: &str = "<cib><configuration><resources>";
const TAIL: &str = "</resources></configuration></cib>";

/// The pieces with the numbers from 0 on, until there are so many bytes.
fn many(size: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < size {
        text += &piece(number);
        number += 1;
    }
    text
}

fn level(number: usize, devices: &str) -> String {
    format!("<fencing-level index=\"1\" target=\"n{number}\" devices=\"{devices}\"/>")
}

/// Each shape, with words of what is said to it.
fn shapes() -> Vec<(String, &'static str)> {
    let one = device("f1", "fence_xvm", &[("pcmk_host_list", "n1")]);
    let open = "<primitive id=\"f1\" class=\"stonith\" type=\"fence_xvm\"><instance_attributes id=\"i\">";
    let close = "</instance_attributes></primitive>";
    let value =
        |number| format!("<nvpair id=\"b{number}\" name=\"n{number}\" value=\"{}\"/>", "v".repeat(200));
    let large = format!(
        "<template id=\"t\"><instance_attributes id=\"big\">{}</instance_attributes></template>",
        many(MIB, value)
    );
    let refers = |number| {
        format!(
            "<primitive id=\"p{number}\" class=\"stonith\" type=\"fence_xvm\"><instance_attributes id-ref=\"big\"/></primitive>"
        )
    };
    let circle = "<nvpair id=\"x\" id-ref=\"y\"/><nvpair id=\"y\" id-ref=\"x\"/></instance_attributes>\
                  <instance_attributes id=\"a\" id-ref=\"b\"/><instance_attributes id=\"b\" id-ref=\"a\">";
    let hosts = many(MIB, |number| format!("n{number},"));
    let topology = |levels: &str| format!("{HEAD}{one}<fencing-topology>{levels}</fencing-topology>{TAIL}");
    vec![
        ("<cib>".repeat(3 * MIB), "deep in each other"),
        ("<cib>".repeat(MIB) + &"</cib>".repeat(MIB), "deep in each other"),
        (" ".repeat(100 * MIB), "larger than 16 MiB"),
        (HEAD.to_owned() + &many(100 * MIB, |_| one.clone()), "larger than 16 MiB"),
        (
            format!("<cib><primitive {}/></cib>", many(15 * MIB, |number| format!("a{number}=\"\" "))),
            "no fence device",
        ),
        (
            format!("{HEAD}{}{TAIL}", many(15 * MIB, |_| "<instance_attributes/>".to_owned())),
            "more than 200000 values",
        ),
        (
            format!("{HEAD}{open}{}{close}{TAIL}", many(15 * MIB, |_| "<nvpair/>".to_owned())),
            "more than 200000 values",
        ),
        (
            format!("{HEAD}{}{TAIL}", many(15 * MIB, |_| "<template/>".to_owned())),
            "more than 10000 resources",
        ),
        (format!("{HEAD}{large}{}{TAIL}", many(MIB / 2, refers)), "its references make more than"),
        (format!("{HEAD}{}{TAIL}", many(MIB, |_| one.clone())), "more than 1000 fence devices"),
        (format!("{HEAD}{open}{circle}{close}{TAIL}"), "f1      fence_xvm"),
        (
            format!(
                "{HEAD}<primitive id=\"t\" template=\"t\"/><template id=\"t\" template=\"t\" class=\"stonith\" type=\"fence_xvm\"/>{TAIL}"
            ),
            "t       fence_xvm",
        ),
        (topology(&level(1, &",a".repeat(7 * MIB))), "names the device 'a', which isn't there"),
        (topology(&level(1, &many(15 * MIB, |number| format!("{number},")))), "names more than 1000 devices"),
        (
            topology(&many(MIB / 2, |number| level(number, "f1,f2,f3")))
                + &format!(
                    "<nodes>{}</nodes>",
                    many(MIB / 6, |number| format!("<node uname=\"n{number}\"/>"))
                ),
            "findings more about fencing levels",
        ),
        (
            format!("{HEAD}{}{TAIL}", device("f1", "fence_scsi", &[("pcmk_host_list", &hosts)])),
            "of its plugs were not examined",
        ),
        ("{\"primitives\":".to_owned() + &"[".repeat(MIB), "recursion limit"),
        ("{\"primitives\":[".to_owned() + &"0,".repeat(2 * MIB - 10) + "0]}", "a resource without id"),
        ("{\"a\":".to_owned() + &" ".repeat(5 * MIB), "larger than 4 MiB"),
        (
            format!(
                "<cib><configuration/><status>{}</status></cib>",
                many(15 * MIB, |number| {
                    format!(
                        "<node_state uname=\"n{number}\"><primitive class=\"stonith\"/><nvpair name=\"a\" value=\"b\"/></node_state>"
                    )
                })
            ),
            "no fence device",
        ),
    ]
}

#[test]
fn a_configuration_of_whatever_shape_ends_in_little_time_and_memory() {
    for (input, words) in shapes() {
        let begin = input.get(..80).unwrap_or(&input).to_owned();
        let done = Agent::called("fencing", "fencing")
            .args(["doctor", "--agents", "/nowhere"])
            .under(["prlimit", &format!("--data={MEMORY}")])
            .stdin(input)
            .limit(Duration::from_secs(60))
            .run();
        assert!(!done.killed, "{words}, {begin}: still at it after {:?}", done.wall);
        assert!(
            done.stdout.contains(words) || done.stderr.contains(words),
            "{words}, {begin}: {}",
            done.stderr
        );
        assert!(done.code.is_some(), "{words}, {begin}: {}", done.stderr);
        assert!(done.stdout.len() < 4 * MIB, "{words}, {begin}");
    }
}
