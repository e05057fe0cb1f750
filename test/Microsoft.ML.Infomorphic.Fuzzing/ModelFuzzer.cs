using System.Globalization;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Makes damaged model files from whole ones: the same file from the same seed and number.</summary>
/// <param name="archives">Whole model files.</param>
/// <param name="seed">The seed.</param>
internal sealed class ModelFuzzer(IReadOnlyList<ModelArchive> archives, int seed)
{
    /// <summary>A damaged file, or a damaged model without the file about it.</summary>
    /// <param name="Bytes">Its bytes.</param>
    /// <param name="Version">The version of the format that a model is in; null for a file, which says it itself.</param>
    public sealed record Case(byte[] Bytes, uint? Version)
    {
        private const string ModelExtension = ".model";

        /// <summary>Ends the case's name: ".zip" of a file, ".v3.model" of a model in version 3 of the format.</summary>
        public string Extension =>
            Version is { } version
                ? string.Create(CultureInfo.InvariantCulture, $".v{(ushort)version}{ModelExtension}")
                : ".zip";

        /// <summary>Reads a case that was written under a name that <see cref="Extension"/> ends.</summary>
        /// <param name="path">Where.</param>
        public static Case Read(string path)
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (!path.EndsWith(ModelExtension, StringComparison.Ordinal))
                return new Case(bytes, Version: null);
            string version = Path.GetExtension(path[..^ModelExtension.Length])[".v".Length..];
            return new Case(bytes, Release | uint.Parse(version, CultureInfo.InvariantCulture));
        }

        /// <summary>Tries the case.</summary>
        public Verdict Try() => Version is { } version ? Trial.OfModel(Bytes, version) : Trial.OfFile(Bytes);
    }

    // The upper half of every version's number.
    private const uint Release = ModelFormat.Version1 & 0xFFFF0000;

    /// <summary>Makes a case.</summary>
    /// <param name="number">Its number.</param>
    public Case Make(int number)
    {
        var random = new Random(HashCodeOf(seed, number));
        ModelArchive archive = archives[random.Next(archives.Count)];
        switch (random.Next(20))
        {
            case 0:
                return new Case(Mutation.Apply(random, archive.File), Version: null);
            case 1:
                return new Case(
                    // Of the entries that ML.NET reads some make it hang, and only their checksums guard them.
                    archive.WithModelEntry(content => Mutation.Apply(random, content)),
                    Version: null
                );
            case 2:
                byte[] model = Mutation.Apply(random, archive.Model, keepLength: true);
                ModelArchive.Sign(model);
                return new Case(archive.WithModel(model), Version: null);
            default:
                // Reading a model alone is quick, so that most cases are of this kind.
                byte[] alone = Mutation.Apply(random, archive.Model);
                ModelArchive.Sign(alone);
                return new Case(alone, archive.Version);
        }
    }

    // HashCode.Combine differs from process to process.
    private static int HashCodeOf(int seed, int number) => unchecked((int)((uint)seed * 2654435761u) ^ number);
}
