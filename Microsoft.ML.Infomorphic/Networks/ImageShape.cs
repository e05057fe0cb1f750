namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>How the numbers of a vector are laid out as an image.</summary>
/// <param name="Height">Rows of pixels, at least 1.</param>
/// <param name="Width">Columns of pixels, at least 1.</param>
/// <param name="Channels">Numbers of a pixel, at least 1.</param>
/// <param name="Interleaved">
/// Whether the numbers of a pixel lie side by side (height × width × channels); otherwise there is one plane after another
/// (channels × height × width), as ML.NET's <c>ExtractPixels</c> has it by default.
/// </param>
public sealed record ImageShape(int Height, int Width, int Channels = 1, bool Interleaved = false)
{
    /// <summary>Number of numbers.</summary>
    public long Size => (long)Height * Width * Channels;

    /// <summary>The place of a number in the vector.</summary>
    /// <param name="row">The row of pixels.</param>
    /// <param name="column">The column of pixels.</param>
    /// <param name="channel">The channel.</param>
    /// <returns>The place, from 0.</returns>
    public int IndexOf(int row, int column, int channel) =>
        Interleaved ? (row * Width + column) * Channels + channel : (channel * Height + row) * Width + column;

    /// <summary>Height × width × channels.</summary>
    public override string ToString() => $"{Height} × {Width} × {Channels}";

    internal void Validate()
    {
        if (Height < 1 || Width < 1 || Channels < 1)
            throw new ArgumentException(
                $"An image of {this} is not possible: height, width and channels must be positive."
            );
        if ((long)Height * Width > int.MaxValue || Size > int.MaxValue)
            throw new ArgumentException($"An image of {this} has more numbers than a row can have.");
    }
}

/// <summary>Fields of an image: a rectangle of all channels that moves over it by strides.</summary>
/// <param name="Image">The image.</param>
/// <param name="Height">Rows of pixels of a field, at least 1 and at most the image's.</param>
/// <param name="Width">Columns of pixels of a field, at least 1 and at most the image's.</param>
/// <param name="VerticalStride">Rows from one field to the next, at least 1.</param>
/// <param name="HorizontalStride">Columns from one field to the next, at least 1.</param>
/// <remarks>Where the strides leave a rest at the lower or right edge, no field covers it.</remarks>
public sealed record FieldGrid(ImageShape Image, int Height, int Width, int VerticalStride, int HorizontalStride)
{
    /// <summary>The fields have at most so many numbers together.</summary>
    public const int MaximumNumbers = 1 << 26;

    /// <summary>Fields from top to bottom.</summary>
    public int Rows => (Image.Height - Height) / VerticalStride + 1;

    /// <summary>Fields from left to right.</summary>
    public int Columns => (Image.Width - Width) / HorizontalStride + 1;

    /// <summary>Number of fields.</summary>
    public int Count => Rows * Columns;

    /// <summary>Numbers of a field.</summary>
    public int FieldSize => Height * Width * Image.Channels;

    /// <summary>The numbers of a field: row by row of pixels, and pixel by pixel.</summary>
    /// <param name="field">The field, from 0, row by row.</param>
    /// <returns>Places in the image's vector.</returns>
    public int[] InputsOf(int field)
    {
        int[] inputs = new int[FieldSize];
        Fill(field, inputs);
        return inputs;
    }

    /// <summary>The numbers of all fields, field by field.</summary>
    /// <exception cref="ArgumentException">Such fields are not possible.</exception>
    internal int[] AllInputs()
    {
        Validate();
        int[] inputs = new int[Count * FieldSize];
        for (int field = 0; field < Count; field++)
            Fill(field, inputs.AsSpan(field * FieldSize, FieldSize));
        return inputs;
    }

    internal void Validate()
    {
        Image.Validate();
        if (Height < 1 || Width < 1)
            throw new ArgumentException($"A field of {Height} × {Width} pixels is not possible: it has at least one.");
        if (Height > Image.Height || Width > Image.Width)
            throw new ArgumentException(
                $"A field of {Height} × {Width} pixels is larger than the image of {Image.Height} × {Image.Width}."
            );
        if (VerticalStride < 1 || HorizontalStride < 1)
            throw new ArgumentException(
                $"Fields with strides of {VerticalStride} and {HorizontalStride} pixels are not possible: strides are at least 1."
            );
        if ((long)Count * FieldSize > MaximumNumbers)
            throw new ArgumentException(
                $"{Count} fields of {FieldSize} numbers are too many: they can have {MaximumNumbers} numbers together. Larger strides make fewer fields."
            );
    }

    private void Fill(int field, Span<int> inputs)
    {
        int top = field / Columns * VerticalStride;
        int left = field % Columns * HorizontalStride;
        int next = 0;
        for (int row = top; row < top + Height; row++)
        for (int column = left; column < left + Width; column++)
        for (int channel = 0; channel < Image.Channels; channel++)
            inputs[next++] = Image.IndexOf(row, column, channel);
    }
}
