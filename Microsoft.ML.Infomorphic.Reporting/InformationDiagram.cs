using Microsoft.ML.Infomorphic.Insight;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// A neuron's information atoms as areas (after arXiv 2412.02482, figure 1C): a disc for what each source says by itself,
/// rings around them for what sources say only together, and outermost the residual entropy. An area's colour is its atom
/// in bits; its size means nothing.
/// </summary>
public static class InformationDiagram
{
    private const int Side = 860;
    private const float Centre = Side / 2f;
    private const float Middle = Centre + 44; // the same, from the top: below the title
    private const float Disc = 124; // radius of a source's disc
    private const float Offset = 84; // its centre's distance from the middle

    // Radii of the rings, from the inside.
    private const float Gap = 224;
    private const float Pairs = 270;
    private const float Synergies = 316;
    private const float All = 362;
    private const float Residual = 410;

    /// <summary>Draws a neuron with two or three sources, or the mean of a layer.</summary>
    /// <param name="layer">The layer, which names the atoms.</param>
    /// <param name="information">A neuron's information, or the layer's mean.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">The layer has neither two nor three sources.</exception>
    public static Picture Draw(LayerInsight layer, NeuronInformation information, string title)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(information);
        if (layer.Sources.Length is not (2 or 3))
            throw new ArgumentException(
                $"A diagram is drawn of two or three sources, and the layer has {layer.Sources.Length}.",
                nameof(layer)
            );
        var values = layer
            .AtomNames.Zip(information.Atoms)
            .Append(("H_res", information.ResidualEntropy))
            .ToDictionary(pair => pair.Item1, pair => pair.Item2);
        double scale = Math.Max(values.Values.Max(Math.Abs), 1e-9);
        return new Picture(
            Side,
            Side + 130,
            canvas =>
            {
                canvas.Clear(SKColors.White);
                Ink.Write(canvas, title, Centre, 38, 22, bold: true);
                var areas = new Areas(canvas, layer.Sources, values, scale);
                if (layer.Sources.Length == 3)
                    DrawThree(areas);
                else
                    DrawTwo(areas);
                DrawLegend(canvas, scale);
            }
        );
    }

    private static void DrawThree(Areas areas)
    {
        using SKPath f = Areas.CircleAt(Offset, 90, Disc);
        using SKPath c = Areas.CircleAt(Offset, 210, Disc);
        using SKPath l = Areas.CircleAt(Offset, 330, Disc);
        using SKPath middle = Areas.CircleAt(0, 0, 145);
        areas.Ring(Residual, "H_res", 90, 386);
        areas.Ring(All, "{012}", 90, 339);

        // What two sources say together alone, and around the middle what two pairs say, each pair together.
        areas.Sector(Synergies, 90, 210, "{01}", 112, 293);
        areas.Sector(Synergies, 210, 330, "{12}", 270, 293);
        areas.Sector(Synergies, 330, 450, "{02}", 68, 293);
        areas.Sector(Pairs, 30, 150, "{01}{02}", 90, 247);
        areas.Sector(Pairs, 150, 270, "{01}{12}", 249, 247);
        areas.Sector(Pairs, 270, 390, "{02}{12}", 291, 247);
        areas.Ring(Gap, "{01}{02}{12}", 270, 190);

        Alone(f, c, l, "{0}", "{0}{12}", 90);
        Alone(c, f, l, "{1}", "{1}{02}", 210);
        Alone(l, f, c, "{2}", "{2}{01}", 330);
        Shared(f, c, l, "{0}{1}", 150);
        Shared(f, l, c, "{0}{2}", 30);
        Shared(c, l, f, "{1}{2}", 270);
        using SKPath shared = f.Op(c, SKPathOp.Intersect).Op(l, SKPathOp.Intersect);
        areas.Fill(shared, "{0}{1}{2}", 0, 0);

        void Alone(SKPath own, SKPath other, SKPath third, string unique, string withPair, int angle)
        {
            using SKPath alone = own.Op(other, SKPathOp.Difference).Op(third, SKPathOp.Difference);
            using SKPath outer = alone.Op(middle, SKPathOp.Difference);
            using SKPath inner = alone.Op(middle, SKPathOp.Intersect);
            areas.Fill(outer, unique, angle, 177);
            areas.Fill(inner, withPair, angle, 104);
        }

        void Shared(SKPath one, SKPath other, SKPath third, string name, int angle)
        {
            using SKPath both = one.Op(other, SKPathOp.Intersect).Op(third, SKPathOp.Difference);
            areas.Fill(both, name, angle, 90);
        }
    }

    private static void DrawTwo(Areas areas)
    {
        const float Large = 180;
        const float Apart = 100;
        using SKPath f = Areas.CircleAt(Apart, 180, Large);
        using SKPath c = Areas.CircleAt(Apart, 0, Large);
        areas.Ring(Residual, "H_res", 90, 386);
        areas.Ring(All, "{01}", 90, 270);
        using SKPath both = f.Op(c, SKPathOp.Intersect);
        using SKPath first = f.Op(c, SKPathOp.Difference);
        using SKPath second = c.Op(f, SKPathOp.Difference);
        areas.Fill(first, "{0}", 180, 180);
        areas.Fill(second, "{1}", 0, 180);
        areas.Fill(both, "{0}{1}", 0, 0);
    }

    private static void DrawLegend(SKCanvas canvas, double scale)
    {
        const int Length = 280;
        float y = Side + 62;
        Ink.ColourBar(canvas, Centre - Length / 2f, y, Length);
        string limit = Numbers.Format(scale);
        Ink.Write(canvas, $"−{limit} bits", Centre - Length / 2f - 12, y + 13, 16, align: SKTextAlign.Right);
        Ink.Write(canvas, $"{limit} bits", Centre + Length / 2f + 12, y + 13, 16, align: SKTextAlign.Left);
        Ink.Write(canvas, "Colours are bits; the size of an area means nothing.", Centre, y + 44, 16);
    }

    /// <summary>Coloured areas with names and values. In names of atoms, digits stand for the sources.</summary>
    private sealed class Areas(SKCanvas canvas, string sources, Dictionary<string, double> values, double scale)
    {
        public static SKPath CircleAt(float distance, int angle, float radius)
        {
            (float x, float y) = At(angle, distance);
            var path = new SKPath();
            path.AddCircle(x, y, radius);
            return path;
        }

        /// <summary>A disc, of which what is drawn later leaves a ring.</summary>
        public void Ring(float radius, string atom, int labelAngle, float labelDistance)
        {
            using SKPath path = CircleAt(0, 0, radius);
            Fill(path, atom, labelAngle, labelDistance);
        }

        /// <summary>A part of a disc.</summary>
        public void Sector(float radius, int from, int to, string atom, int labelAngle, float labelDistance)
        {
            using var path = new SKPath();
            path.MoveTo(Centre, Middle);
            path.ArcTo(
                new SKRect(Centre - radius, Middle - radius, Centre + radius, Middle + radius),
                -from,
                from - to,
                forceMoveTo: false
            );
            path.Close();
            Fill(path, atom, labelAngle, labelDistance);
        }

        public void Fill(SKPath path, string atom, int labelAngle, float labelDistance)
        {
            string name = Name(atom);
            double value = values[name];
            using var fill = new SKPaint { Color = ColourScale.Of(value / scale), IsAntialias = true };
            using var line = new SKPaint
            {
                Color = new SKColor(0x5b, 0x67, 0x73),
                IsAntialias = true,
                Style = SKPaintStyle.Stroke,
                StrokeWidth = 1.5f,
            };
            canvas.DrawPath(path, fill);
            canvas.DrawPath(path, line);
            (float x, float y) = At(labelAngle, labelDistance);
            SKColor ink = ColourScale.InkOn(value / scale);
            Ink.Write(canvas, name, x, y - 2, 15, bold: true, color: ink);
            Ink.Write(canvas, Numbers.Format(value), x, y + 15, 15, color: ink);
        }

        // The lattice's own spelling: "{0}{1}" of "FCL" is "{F}{C}".
        private string Name(string atom)
        {
            if (atom == "H_res")
                return atom;
            string letters = string.Concat(atom.Select(sign => char.IsAsciiDigit(sign) ? sources[sign - '0'] : sign));
            return Information.Antichain.Parse(letters, sources).ToString(sources);
        }

        private static (float X, float Y) At(int angle, float distance) =>
            (
                Centre + distance * MathF.Cos(angle * MathF.PI / 180),
                Middle - distance * MathF.Sin(angle * MathF.PI / 180)
            );
    }
}
