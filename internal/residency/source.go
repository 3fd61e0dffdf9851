package residency

import corev1 "k8s.io/api/core/v1"

// source is what a volume says of where it comes from, whoever writes it.
type source struct {
	// driver is the CSI driver, or the in-tree name.
	driver string
	handle string
	// attributes of a CSI volume.
	attributes map[string]string
	// servers that it names.
	servers []string
}

// sourceOf reads the source of a PersistentVolume. One that nobody knows has an empty driver.
func sourceOf(v *corev1.PersistentVolumeSource) source {
	switch {
	case v.CSI != nil:
		return source{driver: v.CSI.Driver, handle: v.CSI.VolumeHandle, attributes: v.CSI.VolumeAttributes}
	case v.Local != nil:
		return source{driver: inTree + "local-volume"}
	case v.HostPath != nil:
		return source{driver: inTree + "host-path"}
	case v.NFS != nil:
		return ofNFS(v.NFS)
	case v.ISCSI != nil:
		return ofServers("iscsi", append([]string{v.ISCSI.TargetPortal}, v.ISCSI.Portals...)...)
	case v.CephFS != nil:
		return ofServers("cephfs", v.CephFS.Monitors...)
	case v.RBD != nil:
		return ofServers("rbd", v.RBD.CephMonitors...)
	case v.AWSElasticBlockStore != nil:
		return source{driver: inTree + "aws-ebs", handle: v.AWSElasticBlockStore.VolumeID}
	case v.GCEPersistentDisk != nil:
		return source{driver: inTree + "gce-pd", handle: v.GCEPersistentDisk.PDName}
	case v.AzureDisk != nil:
		return source{driver: inTree + "azure-disk", handle: v.AzureDisk.DataDiskURI}
	case v.AzureFile != nil:
		return source{driver: inTree + "azure-file", handle: v.AzureFile.ShareName}
	case v.Cinder != nil:
		return source{driver: inTree + "cinder", handle: v.Cinder.VolumeID}
	case v.FC != nil:
		return source{driver: inTree + "fc"}
	case v.Glusterfs != nil:
		return source{driver: inTree + "glusterfs"}
	case v.FlexVolume != nil:
		return source{driver: inTree + "flexvolume"}
	default: // Quobyte, ScaleIO, StorageOS, Portworx, vSphere, Flocker, PhotonPD: they say no place that can be read
		return source{}
	}
}

// inlineSource reads the source of a volume that a pod brings.
func inlineSource(v *corev1.VolumeSource) source {
	switch {
	case v.CSI != nil:
		return source{driver: v.CSI.Driver, attributes: v.CSI.VolumeAttributes}
	case v.NFS != nil:
		return ofNFS(v.NFS)
	case v.ISCSI != nil:
		return ofServers("iscsi", append([]string{v.ISCSI.TargetPortal}, v.ISCSI.Portals...)...)
	case v.CephFS != nil:
		return ofServers("cephfs", v.CephFS.Monitors...)
	case v.RBD != nil:
		return ofServers("rbd", v.RBD.CephMonitors...)
	case v.AWSElasticBlockStore != nil:
		return source{driver: inTree + "aws-ebs", handle: v.AWSElasticBlockStore.VolumeID}
	case v.GCEPersistentDisk != nil:
		return source{driver: inTree + "gce-pd", handle: v.GCEPersistentDisk.PDName}
	case v.AzureDisk != nil:
		return source{driver: inTree + "azure-disk", handle: v.AzureDisk.DataDiskURI}
	case v.AzureFile != nil:
		return source{driver: inTree + "azure-file", handle: v.AzureFile.ShareName}
	case v.Cinder != nil:
		return source{driver: inTree + "cinder", handle: v.Cinder.VolumeID}
	case v.FC != nil:
		return source{driver: inTree + "fc"}
	case v.Glusterfs != nil:
		return source{driver: inTree + "glusterfs"}
	case v.FlexVolume != nil:
		return source{driver: inTree + "flexvolume"}
	default:
		return source{}
	}
}

// LiesWithThePod tells whether a volume is on the pod's node, comes from the API server or an image, or is a claim that
// is judged as such.
func LiesWithThePod(v *corev1.VolumeSource) bool {
	return v.EmptyDir != nil || v.HostPath != nil || v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil ||
		v.Image != nil || v.GitRepo != nil || v.PersistentVolumeClaim != nil || v.Ephemeral != nil
}

func ofNFS(v *corev1.NFSVolumeSource) source { return ofServers("nfs", v.Server) }

func ofServers(kind string, servers ...string) source {
	return source{driver: inTree + kind, servers: servers}
}
