//! The inventory that a BMC holds: a FRU image as the Platform Management FRU Information Storage Definition v1.0
//! lays it out.

/// What the inventory says.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Serial number of the chassis.
    pub chassis_serial: String,
    /// Maker, name, serial number and asset tag of the product; `None` without a product area.
    pub product: Option<[String; 4]>,
}

impl Inventory {
    /// A machine of this maker and name, with this serial number and asset tag.
    pub fn of(maker: &str, name: &str, serial: &str, asset_tag: &str) -> Inventory {
        let product = [maker, name, serial, asset_tag].map(str::to_owned);
        Inventory { chassis_serial: "CHASSIS-1".into(), product: Some(product) }
    }

    /// The image, byte by byte.
    pub fn image(&self) -> Vec<u8> {
        // Chassis type 17h, part number, serial number.
        let chassis = area(&[0x17], &["C-PART", &self.chassis_serial]);
        let product = self.product.as_ref().map(|[maker, name, serial, tag]| {
            // Language English; maker, name, part, version, serial, tag.
            area(&[25], &[maker, name, "P-PART", "v1", serial, tag])
        });
        let product_at = if product.is_some() { 1 + chassis.len() / 8 } else { 0 };
        let mut image = vec![1, 0, 1, 0, product_at as u8, 0, 0];
        image.push(checksum(&image));
        image.extend(chassis);
        image.extend(product.unwrap_or_default());
        image
    }
}

fn area(front: &[u8], texts: &[&str]) -> Vec<u8> {
    let mut area = vec![1, 0];
    area.extend(front);
    for text in texts {
        assert!(text.len() != 1 && text.len() < 64, "the format can't hold {text:?}");
        area.push(if text.is_empty() { 0 } else { 0xc0 | text.len() as u8 });
        area.extend(text.as_bytes());
    }
    area.push(0xc1);
    area.resize((area.len() + 1).next_multiple_of(8) - 1, 0);
    area[1] = ((area.len() + 1) / 8) as u8;
    area.push(checksum(&area));
    area
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}
