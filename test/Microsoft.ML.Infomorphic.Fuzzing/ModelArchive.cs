using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>A model file taken apart: ML.NET's archive, its entries, and the infomorphic model in one of them.</summary>
internal sealed class ModelArchive
{
    // ML.NET's model header: where the model begins, and its number of bytes.
    private const int ModelStartField = 0x10;
    private const int ModelLengthField = 0x18;
    private const int ModelVersionField = 0x48;

    // ML.NET's model base writes the number of bytes of a float before ours; a SHA-256 digest comes last.
    private const int Preamble = sizeof(int);
    private const int Digest = SHA256.HashSizeInBytes;

    private readonly List<(string Name, byte[] Content)> _entries = [];
    private readonly int _model;

    public ModelArchive(byte[] file)
    {
        File = file;
        using var zip = new ZipArchive(new MemoryStream(file), ZipArchiveMode.Read);
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using var content = new MemoryStream();
            using (Stream stream = entry.Open())
                stream.CopyTo(content);
            _entries.Add((entry.FullName, content.ToArray()));
        }
        // Of several classes, or of two.
        _model = _entries.FindIndex(entry =>
            entry.Content.AsSpan().IndexOf("INFOMORP"u8) == 0x40 || entry.Content.AsSpan().IndexOf("INFOBINA"u8) == 0x40
        );
        if (_model < 0)
            throw new InvalidDataException("There is no infomorphic model in the file.");
        (int start, int length) = ModelBounds;
        Model = _entries[_model].Content.AsSpan(start, length).ToArray();
        Version = BinaryPrimitives.ReadUInt32LittleEndian(_entries[_model].Content.AsSpan(ModelVersionField));
    }

    /// <summary>The file of a model that reads features from the column Features.</summary>
    public static ModelArchive Of(ModelContents contents)
    {
        var context = new MLContext(1);
        var schema = new DataViewSchema.Builder();
        var model = new InfomorphicModelParameters(context, contents);
        schema.AddColumn("Features", new VectorDataViewType(NumberDataViewType.Single, model.Encoding.FeatureCount));
        schema.AddColumn("Label", new KeyDataViewType(typeof(uint), contents.Network.ClassCount));
        DataViewSchema input = schema.ToSchema();
        var transformer = new InfomorphicPredictionTransformer(context, model, input, "Features", "Label");
        using var stream = new MemoryStream();
        context.Model.Save(transformer, input, stream);
        return new ModelArchive(stream.ToArray());
    }

    /// <summary>The file as it is.</summary>
    public byte[] File { get; }

    /// <summary>The infomorphic model's bytes, the digest included.</summary>
    public byte[] Model { get; }

    /// <summary>The version of the format that the infomorphic model is in.</summary>
    public uint Version { get; }

    private (int Start, int Length) ModelBounds
    {
        get
        {
            byte[] content = _entries[_model].Content;
            int start = (int)BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(ModelStartField));
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(ModelLengthField));
            return (start + Preamble, length - Preamble);
        }
    }

    /// <summary>The file with another content of the entry that holds the model, ML.NET's header included.</summary>
    public byte[] WithModelEntry(Func<byte[], byte[]> change)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            for (int i = 0; i < _entries.Count; i++)
            {
                using Stream entry = zip.CreateEntry(_entries[i].Name, CompressionLevel.NoCompression).Open();
                entry.Write(i == _model ? change(_entries[i].Content) : _entries[i].Content);
            }
        return stream.ToArray();
    }

    /// <summary>The file with another infomorphic model of the same length.</summary>
    public byte[] WithModel(byte[] model) =>
        WithModelEntry(content =>
        {
            byte[] changed = [.. content];
            model.CopyTo(changed, ModelBounds.Start);
            return changed;
        });

    /// <summary>Makes the digest of a model fit its other bytes.</summary>
    public static void Sign(byte[] model)
    {
        if (model.Length >= Digest)
            SHA256.HashData(model.AsSpan(..^Digest), model.AsSpan(^Digest..));
    }
}
